//! Why frames and windows were left out, as label values.

/// Why a frame that arrived was not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SkipReason {
    /// Key frames are enough for this model, so others are not decoded.
    NotKeyFrame,
    /// Decoded, but between two looks.
    NotLookedAt,
    /// The decoder refused it.
    Corrupt,
    /// It came before the first key frame.
    WaitingForKeyFrame,
}

impl SkipReason {
    pub const ALL: [Self; 4] =
        [Self::NotKeyFrame, Self::NotLookedAt, Self::Corrupt, Self::WaitingForKeyFrame];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NotKeyFrame => "not_key_frame",
            Self::NotLookedAt => "not_looked_at",
            Self::Corrupt => "corrupt",
            Self::WaitingForKeyFrame => "waiting_for_key_frame",
        }
    }
}

/// Why a window was not shown to the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DropReason {
    /// A fresher window of the same live stream was there.
    Superseded,
    /// The stream ended, broke or jumped before the window was full.
    Partial,
    /// The live stream's queue was full.
    QueueFull,
    /// The model gave a number that is none.
    NotFinite,
}

impl DropReason {
    pub const ALL: [Self; 4] = [Self::Superseded, Self::Partial, Self::QueueFull, Self::NotFinite];

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Superseded => "superseded",
            Self::Partial => "partial",
            Self::QueueFull => "queue_full",
            Self::NotFinite => "not_finite",
        }
    }
}
