//! From the sound library's thread into a ring.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use cpal::traits::{DeviceTrait, StreamTrait};
use cpal::{ErrorKind, FromSample, SampleFormat, SizedSample};
use rtrb::{Consumer, Producer, RingBuffer};

use super::calls;
use crate::source::SourceFault;

/// Sound that the ring holds.
const HELD: Duration = Duration::from_secs(2);
/// Calls of which the ring holds the times.
const CALLS: usize = 4096;
/// How long a device may take to start.
const START: Duration = Duration::from_secs(10);

/// A device that is being listened to. Stops when dropped.
pub(super) struct Capture {
    /// What the device is called in the configuration.
    name: String,
    /// There until it is dropped.
    stream: Option<cpal::Stream>,
    samples: Consumer<f32>,
    calls: Consumer<Call>,
    fault: Arc<Mutex<Option<cpal::Error>>>,
    overruns: Arc<AtomicU64>,
    pub rate: u32,
    pub channels: u16,
}

/// What one call of the library brought.
#[derive(Debug, Clone, Copy)]
pub(super) struct Call {
    /// Samples a channel in the ring.
    pub samples: usize,
    /// Samples a channel before these that found no room.
    pub lost: usize,
    /// When the first of `samples` was taken, as far as the device knows.
    pub captured: Instant,
    /// When the library called.
    pub called: Instant,
}

impl Capture {
    /// Listens to a device, of this name in the configuration, at its own default rate and channels.
    pub fn start(name: String, device: &cpal::Device) -> Result<Self, SourceFault> {
        let config = device.default_input_config().map_err(fault)?;
        let format = config.sample_format();
        let config = config.config();
        let (rate, channels) = (config.sample_rate, config.channels);
        if rate == 0 || channels == 0 {
            return Err(fault(ErrorKind::UnsupportedConfig.into()));
        }
        let room = (HELD.as_secs_f64() * f64::from(rate)) as usize * usize::from(channels);
        let (sample_writer, samples) = RingBuffer::new(room);
        let (call_writer, calls) = RingBuffer::new(CALLS);
        let fault_slot = Arc::new(Mutex::new(None));
        let writer = Writer {
            samples: sample_writer,
            calls: call_writer,
            channels: usize::from(channels),
            lost: 0,
        };
        let errors = fault_slot.clone();
        let counted = Arc::new(AtomicU64::new(0));
        let overruns = counted.clone();
        let told = move |error: cpal::Error| {
            match error.kind() {
                ErrorKind::Xrun => {
                    overruns.fetch_add(1, Ordering::Relaxed);
                }
                // What the next call makes good by itself is none.
                ErrorKind::RealtimeDenied | ErrorKind::DeviceChanged => {}
                _ => {
                    errors.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
                }
            }
        };
        let stream = match format {
            SampleFormat::I8 => build::<i8>(device, config, writer, told),
            SampleFormat::I16 => build::<i16>(device, config, writer, told),
            SampleFormat::I24 => build::<cpal::I24>(device, config, writer, told),
            SampleFormat::I32 => build::<i32>(device, config, writer, told),
            SampleFormat::I64 => build::<i64>(device, config, writer, told),
            SampleFormat::U8 => build::<u8>(device, config, writer, told),
            SampleFormat::U16 => build::<u16>(device, config, writer, told),
            SampleFormat::U24 => build::<cpal::U24>(device, config, writer, told),
            SampleFormat::U32 => build::<u32>(device, config, writer, told),
            SampleFormat::U64 => build::<u64>(device, config, writer, told),
            SampleFormat::F32 => build::<f32>(device, config, writer, told),
            SampleFormat::F64 => build::<f64>(device, config, writer, told),
            // One bit a sample: no microphone has it.
            _ => Err(ErrorKind::UnsupportedConfig.into()),
        };
        let stream = stream.map_err(fault)?;
        stream.play().map_err(fault)?;
        Ok(Self {
            name,
            stream: Some(stream),
            samples,
            calls,
            fault: fault_slot,
            overruns: counted,
            rate,
            channels,
        })
    }

    /// How often the library itself has lost sound since the last call.
    pub fn take_overruns(&mut self) -> u64 {
        self.overruns.swap(0, Ordering::Relaxed)
    }

    /// What came next, and its samples appended to `into`; `None` while nothing has come.
    pub fn next(&mut self, into: &mut Vec<f32>) -> Result<Option<Call>, SourceFault> {
        if let Ok(call) = self.calls.pop() {
            let count = call.samples * usize::from(self.channels);
            // The samples of a call are in the ring before the call is told.
            if let Ok(chunk) = self.samples.read_chunk(count) {
                let (first, second) = chunk.as_slices();
                into.extend_from_slice(first);
                into.extend_from_slice(second);
                chunk.commit_all();
            }
            return Ok(Some(call));
        }
        match self.fault.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(fault(error)),
            None => Ok(None),
        }
    }
}

impl Drop for Capture {
    /// The sound library may never come back from it: nobody waits for that, but it is known.
    fn drop(&mut self) {
        let stream = self.stream.take();
        let call = calls::closing(&self.name);
        let close = std::thread::Builder::new().name("microphone close".into());
        // Where there are no more threads, it is closed here.
        let _ = close.spawn(move || {
            drop(stream);
            drop(call);
        });
    }
}

/// The end of the rings that the library's thread writes to.
struct Writer {
    samples: Producer<f32>,
    calls: Producer<Call>,
    channels: usize,
    /// Samples a channel that found no room, not told yet.
    lost: usize,
}

impl Writer {
    /// Neither allocates nor waits: what finds no room is left out, all of it.
    fn write<T: SizedSample>(&mut self, data: &[T], called: Instant, age: Duration)
    where
        f32: FromSample<T>,
    {
        let samples = data.len() / self.channels;
        let room = self.calls.slots() > 0;
        match self.samples.write_chunk_uninit(samples * self.channels) {
            Ok(chunk) if room => {
                chunk.fill_from_iter(data.iter().map(|sample| f32::from_sample_(*sample)));
                let lost = std::mem::take(&mut self.lost);
                let captured = called.checked_sub(age).unwrap_or(called);
                let _ = self.calls.push(Call { samples, lost, captured, called });
            }
            _ => self.lost += samples,
        }
    }
}

fn build<T>(
    device: &cpal::Device,
    config: cpal::StreamConfig,
    mut writer: Writer,
    told: impl FnMut(cpal::Error) + Send + 'static,
) -> Result<cpal::Stream, cpal::Error>
where
    T: SizedSample,
    f32: FromSample<T>,
{
    device.build_input_stream(
        config,
        move |data: &[T], info: &cpal::InputCallbackInfo| {
            let times = info.timestamp();
            let age = times.callback.saturating_duration_since(times.capture);
            writer.write(data, Instant::now(), age);
        },
        told,
        Some(START),
    )
}

/// What a fault of the library means.
fn fault(error: cpal::Error) -> SourceFault {
    match error.kind() {
        ErrorKind::DeviceBusy => SourceFault::Busy,
        ErrorKind::PermissionDenied => SourceFault::Permission,
        ErrorKind::DeviceNotAvailable
        | ErrorKind::HostUnavailable
        | ErrorKind::StreamInvalidated => SourceFault::MicrophoneGone,
        _ => SourceFault::Microphone { cause: error.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_finds_no_room_is_left_out_whole_and_told_with_what_comes_next() {
        let (samples, mut read) = RingBuffer::new(8);
        let (calls, mut told) = RingBuffer::new(4);
        let mut writer = Writer { samples, calls, channels: 2, lost: 0 };
        let (now, age) = (Instant::now(), Duration::ZERO);
        writer.write(&[16_384_i16, -16_384, 0, 0, 0, 0], now, age);
        writer.write(&[1_i16; 4], now, age);
        writer.write(&[1_i16; 6], now, age);
        let call = told.pop().unwrap();
        assert_eq!((call.samples, call.lost), (3, 0));
        assert!(told.pop().is_err(), "the others were lost");
        let got: Vec<f32> = read.read_chunk(6).unwrap().into_iter().collect();
        assert_eq!(got, [0.5, -0.5, 0.0, 0.0, 0.0, 0.0]);
        writer.write(&[0.25_f32, 0.25], now, age);
        let call = told.pop().unwrap();
        assert_eq!((call.samples, call.lost), (1, 5));
    }
}
