//! Volume in percent.

/// A volume in percent of what comes in: 0 is silent, 100 leaves it as it is, up to 1,000.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Volume(u16);

impl Volume {
    /// Silence.
    pub const SILENT: Self = Self(0);
    /// As it comes.
    pub const FULL: Self = Self(100);

    /// This many percent; more than 1,000 are 1,000.
    #[must_use]
    pub const fn from_percent(percent: u16) -> Self {
        Self(if percent > 1_000 { 1_000 } else { percent })
    }

    /// The percent.
    #[must_use]
    pub const fn percent(self) -> u16 {
        self.0
    }

    /// Makes samples louder or softer; what becomes too loud is clipped.
    pub fn apply(self, samples: &mut [i16]) {
        if self == Self::SILENT {
            samples.fill(0);
        } else if self != Self::FULL {
            for sample in samples {
                *sample = saturate(i32::from(*sample) * i32::from(self.0) / 100);
            }
        }
    }

    /// The same for one sum of many samples.
    pub(super) fn apply_to_sum(self, sum: i32) -> i16 {
        let value = i64::from(sum) * i64::from(self.0) / 100;
        saturate(i32::try_from(value).unwrap_or(if value < 0 { i32::MIN } else { i32::MAX }))
    }
}

impl Default for Volume {
    fn default() -> Self {
        Self::FULL
    }
}

/// The nearest sample of 16 bits.
pub(super) const fn saturate(value: i32) -> i16 {
    if value > i16::MAX as i32 {
        i16::MAX
    } else if value < i16::MIN as i32 {
        i16::MIN
    } else {
        value as i16
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn volume_scales_and_clips() {
        for (percent, expected) in [
            (0, [0, 0, 0]),
            (50, [500, -1_500, 16_383]),
            (100, [1_000, -3_000, 32_767]),
            (1_000, [10_000, -30_000, 32_767]),
        ] {
            let mut samples = [1_000, -3_000, 32_767];
            Volume::from_percent(percent).apply(&mut samples);
            assert_eq!(samples, expected, "{percent} %");
        }
        assert_eq!(Volume::from_percent(u16::MAX).percent(), 1_000);
        assert_eq!(Volume::from_percent(1_000).apply_to_sum(i32::MIN), i16::MIN);
        assert_eq!(Volume::from_percent(50).apply_to_sum(60_000), 30_000);
    }
}
