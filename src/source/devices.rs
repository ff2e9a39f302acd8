//! The cameras of this machine.

use std::path::PathBuf;

/// One V4L2 capture device.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct CameraDevice {
    pub path: PathBuf,
    /// As its driver calls it.
    pub name: String,
}

/// The V4L2 devices by number. A camera's further nodes (metadata) are left out.
pub fn devices() -> Vec<CameraDevice> {
    let Ok(entries) = std::fs::read_dir("/sys/class/video4linux") else { return Vec::new() };
    let mut found: Vec<(u32, CameraDevice)> = entries
        .flatten()
        .filter_map(|entry| {
            let node = entry.file_name().into_string().ok()?;
            let number = node.strip_prefix("video")?.parse().ok()?;
            let read = |file: &str| std::fs::read_to_string(entry.path().join(file));
            let index = read("index").unwrap_or_default();
            if !matches!(index.trim(), "" | "0") {
                return None;
            }
            let name = read("name").unwrap_or_default().trim().to_owned();
            Some((number, CameraDevice { path: format!("/dev/{node}").into(), name }))
        })
        .collect();
    found.sort_by_key(|(number, _)| *number);
    found.into_iter().map(|(_, device)| device).collect()
}
