//! Pixel buffers that come back when nobody holds them any more.

use std::sync::Arc;

/// Beyond this many, buffers are given to the allocator instead.
const MOST: usize = 64;

/// Buffers of one size, shared out as [`Arc`]s.
pub struct Pool {
    bytes: usize,
    buffers: Vec<Arc<Vec<u8>>>,
}

impl Pool {
    pub fn new(bytes: usize) -> Self {
        Self { bytes, buffers: Vec::new() }
    }

    /// A buffer that nobody else holds, written by `fill`. What is in it before is of no
    /// meaning.
    pub fn fill<E>(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> Result<(), E>,
    ) -> Result<Arc<Vec<u8>>, E> {
        let free = self.buffers.iter_mut().position(|buffer| Arc::get_mut(buffer).is_some());
        let mut buffer = match free {
            Some(at) => self.buffers.swap_remove(at),
            None => Arc::new(vec![0; self.bytes]),
        };
        fill(Arc::get_mut(&mut buffer).expect("just found free, or new"))?;
        if self.buffers.len() < MOST {
            self.buffers.push(buffer.clone());
        }
        Ok(buffer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_is_used_again_only_when_it_came_back() {
        let mut pool = Pool::new(4);
        let mut take = |value: u8| {
            pool.fill(|bytes| {
                bytes.fill(value);
                Ok::<(), ()>(())
            })
            .unwrap()
        };
        let first = take(1);
        let at = first.as_ptr();
        let second = take(2);
        assert_ne!(second.as_ptr(), at);
        assert_eq!(*first, [1; 4]);
        drop(first);
        let third = take(3);
        assert_eq!((third.as_ptr(), &*third), (at, &vec![3; 4]));
    }
}
