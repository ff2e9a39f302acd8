//! The microphones of this machine.

use cpal::ErrorKind;
use cpal::traits::{DeviceTrait, HostTrait};

use super::quiet::quiet;
use crate::source::SourceFault;

/// ALSA's device that hears nothing is no microphone.
const DEAF: &str = "null";

/// A device that sound can be taken from.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct MicrophoneDevice {
    /// What to write after `mic:`.
    pub name: String,
    /// For people.
    pub description: String,
    /// Hertz, the lowest and the highest.
    pub rates: [u32; 2],
    /// The fewest and the most.
    pub channels: [u16; 2],
}

/// All devices that can be opened right now.
pub fn microphones() -> Vec<MicrophoneDevice> {
    quiet();
    let Ok(devices) = cpal::default_host().input_devices() else { return Vec::new() };
    devices.filter_map(|device| describe(&device)).filter(|found| found.name != DEAF).collect()
}

fn describe(device: &cpal::Device) -> Option<MicrophoneDevice> {
    let mut configs = device.supported_input_configs().ok()?;
    let first = configs.next()?;
    let mut rates = [first.min_sample_rate(), first.max_sample_rate()];
    let mut channels = [first.channels(); 2];
    for config in configs {
        rates[0] = rates[0].min(config.min_sample_rate());
        rates[1] = rates[1].max(config.max_sample_rate());
        channels[0] = channels[0].min(config.channels());
        channels[1] = channels[1].max(config.channels());
    }
    Some(MicrophoneDevice { name: name(device)?, description: device.to_string(), rates, channels })
}

fn name(device: &cpal::Device) -> Option<String> {
    Some(device.id().ok()?.id().to_owned())
}

/// The device of this name: its own, what it is called for people, or the only one in whose
/// name or description `name` occurs. The system's default for an empty one.
pub(super) fn find(name: &str) -> Result<cpal::Device, SourceFault> {
    quiet();
    let host = cpal::default_host();
    if name.is_empty() {
        return host.default_input_device().ok_or_else(|| missing(name));
    }
    // Also one that is in use: opening it will say so.
    let mut all = host.devices().into_iter().flatten();
    if let Some(own) = all.find(|device| self::name(device).as_deref() == Some(name)) {
        return Ok(own);
    }
    let devices: Vec<_> = host.input_devices().into_iter().flatten().collect();
    let names: Vec<[String; 2]> = devices
        .iter()
        .map(|device| [self::name(device).unwrap_or_default(), device.to_string()])
        .collect();
    let found = choose(&names, name).and_then(|at| devices.into_iter().nth(at));
    found.ok_or_else(|| missing(name))
}

/// Whether there is a device of this name, in use or not.
pub(super) fn is_there(wanted: &str) -> Result<(), SourceFault> {
    let device = find(wanted)?;
    match device.supported_input_configs().map(|configs| configs.count()) {
        Ok(1..) => Ok(()),
        Err(error) if error.kind() == ErrorKind::DeviceBusy => Ok(()),
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(SourceFault::Permission),
        _ => Err(missing(wanted)),
    }
}

/// With those that can be opened: a system's configuration names devices that it does not have.
fn missing(name: &str) -> SourceFault {
    let there = microphones().into_iter().map(|found| found.name).collect();
    SourceFault::NoMicrophone { name: name.to_owned(), there }
}

fn choose(names: &[[String; 2]], wanted: &str) -> Option<usize> {
    let same = |own: &[String; 2]| own.iter().any(|own| own == wanted);
    if let Some(at) = names.iter().position(same) {
        return Some(at);
    }
    let wanted = wanted.to_lowercase();
    let like = |own: &[String; 2]| own.iter().any(|own| own.to_lowercase().contains(&wanted));
    let mut found = names.iter().enumerate().filter(|(_, own)| like(own)).map(|(at, _)| at);
    let first = found.next();
    if found.next().is_some() { None } else { first }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_as_written_or_as_the_only_one_like_it() {
        let names = [
            ["default", "Default"],
            ["hw:CARD=Webcam,DEV=0", "HD Webcam C270, USB Audio"],
            ["plughw:CARD=Webcam,DEV=0", "HD Webcam C270, USB Audio"],
            ["hw:CARD=PCH,DEV=0", "HDA Intel PCH, ALC257 Analog"],
        ];
        let names = names.map(|own| own.map(str::to_owned));
        assert_eq!(choose(&names, "default"), Some(0));
        assert_eq!(choose(&names, "hw:CARD=Webcam,DEV=0"), Some(1));
        assert_eq!(choose(&names, "intel"), Some(3));
        assert_eq!(choose(&names, "webcam"), None, "two are like it");
        assert_eq!(choose(&names, "HD Webcam C270, USB Audio"), Some(1), "the first of that name");
        assert_eq!(choose(&names, "line"), None);
    }
}
