//! Log lines on their way out: whole, and without secrets.

use std::borrow::Cow;
use std::io::{self, Write};

use tracing_subscriber::fmt::MakeWriter;

use super::redact;

/// Hides the secrets in a line.
pub(super) type Mask = for<'a> fn(&'a str) -> Cow<'a, str>;

/// Makes a [`MaskedLine`] for each event.
pub(super) struct MaskedLines<F> {
    out: F,
    mask: Mask,
}

impl<F> MaskedLines<F> {
    pub(super) fn new(out: F, mask: Mask) -> Self {
        Self { out, mask }
    }
}

impl<'a, W: Write, F: Fn() -> W> MakeWriter<'a> for MaskedLines<F> {
    type Writer = MaskedLine<W>;

    fn make_writer(&'a self) -> Self::Writer {
        MaskedLine { out: (self.out)(), mask: self.mask, held: Vec::new() }
    }
}

/// Holds what is written up to its newline, so that a secret split over two writes is hidden
/// too, and passes each whole line on in one write.
pub(super) struct MaskedLine<W: Write> {
    out: W,
    mask: Mask,
    held: Vec<u8>,
}

impl<W: Write> MaskedLine<W> {
    /// Passes on the first `length` bytes that are held.
    fn pass_on(&mut self, length: usize) -> io::Result<()> {
        let rest = self.held.split_off(length);
        let lines = std::mem::replace(&mut self.held, rest);
        let text = String::from_utf8_lossy(&lines);
        self.out.write_all((self.mask)(&text).as_bytes())
    }
}

impl<W: Write> Write for MaskedLine<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.held.extend_from_slice(bytes);
        if let Some(newline) = self.held.iter().rposition(|&byte| byte == b'\n') {
            self.pass_on(newline + 1)?;
        }
        Ok(bytes.len())
    }

    /// Keeps back an unfinished line.
    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Drop for MaskedLine<W> {
    fn drop(&mut self) {
        if !self.held.is_empty() {
            self.held.push(b'\n');
            // There is nowhere left to report that standard error cannot be written.
            let _ = self.pass_on(self.held.len());
        }
    }
}

/// Masks one JSON line and leaves it JSON: a password of digits may stand in a bare number.
pub(super) fn mask_json(line: &str) -> Cow<'_, str> {
    let masked = redact::mask(line);
    if masked == line {
        return masked;
    }
    match serde_json::from_str(line) {
        Ok(mut value) => {
            mask_values(&mut value);
            format!("{value}\n").into()
        }
        Err(_) => masked,
    }
}

/// Keys are field names of the program's own, so they are left.
fn mask_values(value: &mut serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Object(fields) => fields.values_mut().for_each(mask_values),
        Value::Array(values) => values.iter_mut().for_each(mask_values),
        Value::String(text) => {
            if let Cow::Owned(masked) = redact::mask(text) {
                *text = masked;
            }
        }
        Value::Number(number) => {
            if let Cow::Owned(masked) = redact::mask(&number.to_string()) {
                *value = Value::String(masked);
            }
        }
        Value::Null | Value::Bool(_) => {}
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    /// Where a test's lines go; each write apart.
    #[derive(Clone, Default)]
    pub(in super::super) struct Written(Arc<Mutex<Vec<String>>>);

    impl Written {
        pub(in super::super) fn taken(&self) -> Vec<String> {
            std::mem::take(&mut self.0.lock().unwrap())
        }
    }

    impl Write for Written {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().push(String::from_utf8(bytes.to_vec()).unwrap());
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_secret_split_over_writes_is_hidden() {
        redact::register("split-secret");
        let written = Written::default();
        let mut line = MaskedLine { out: written.clone(), mask: redact::mask, held: Vec::new() };
        write!(line, "one\nsays split-").unwrap();
        line.flush().unwrap();
        write!(line, "secret\nand split-se").unwrap();
        write!(line, "cret").unwrap();
        drop(line);
        assert_eq!(written.taken(), ["one\n", "says ***\n", "and ***\n"]);
    }
}
