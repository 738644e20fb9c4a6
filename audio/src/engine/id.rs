//! Names of mixers and of the ports plugged into them. Counters, so that they replay.

use std::fmt;

/// One of the mixers of an application.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MixerId(u32);

impl MixerId {
    /// The mixer of the calls (`voice_audio_mixer` of SIPApplication).
    pub const VOICE: Self = Self(0);
    /// The mixer of ring tones (`alert_audio_mixer` of SIPApplication).
    pub const ALERT: Self = Self(1);

    /// The mixer of this number.
    #[must_use]
    pub const fn from_u32(number: u32) -> Self {
        Self(number)
    }
}

/// Something plugged into a mixer. Never used twice, so that what is gone cannot be mistaken for what came after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortId {
    mixer: MixerId,
    number: u64,
}

impl PortId {
    /// The device of a mixer.
    #[must_use]
    pub const fn device(mixer: MixerId) -> Self {
        Self { mixer, number: 0 }
    }

    pub(super) const fn new(mixer: MixerId, number: u64) -> Self {
        Self { mixer, number }
    }

    /// The mixer that it is plugged into.
    #[must_use]
    pub const fn mixer(self) -> MixerId {
        self.mixer
    }

    #[cfg(test)]
    pub(crate) const fn for_test(number: u64) -> Self {
        Self { mixer: MixerId::VOICE, number }
    }
}

impl fmt::Display for PortId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "port-{}-{}", self.mixer.0, self.number)
    }
}
