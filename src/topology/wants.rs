//! What a model wants of each stream.

use crate::decode::{DecodeSettings, SoundSettings};
use crate::window::{Plan, SoundPlan};

/// How one stream is decoded and cut into windows. At least one of them is there.
#[derive(Clone)]
pub struct Wants {
    pub pictures: Option<(DecodeSettings, Plan)>,
    pub sound: Option<SoundPlan>,
    /// Points of a cloud.
    pub points: Option<usize>,
}

impl Wants {
    pub fn plan(&self) -> Option<Plan> {
        self.pictures.as_ref().map(|(_, plan)| *plan)
    }

    pub fn sound_settings(&self) -> Option<SoundSettings> {
        self.sound.map(|plan| SoundSettings { rate: plan.rate, channels: plan.channels })
    }
}
