//! Comfort noise (RFC 3389): what is heard of a peer that does not send its silence, and what is sent in place of ours.
//!
//! ```text
//! samples ─► Suppressor ─► speech | description of noise | nothing
//! description ─► NoiseGenerator ─► samples
//! ```
//!
//! A description is the level of the noise and, if the sender likes, its spectrum as the reflection coefficients of an
//! all-pole model. When silence is suppressed, and how often noise is described, the RFC leaves open; see [`Suppressor`].

mod describe;
mod generate;
mod suppress;
#[cfg(test)]
mod tests;

pub use generate::NoiseGenerator;
pub use suppress::{Activity, Suppressor};

/// Coefficients that are made use of. The rest of a longer description counts as zero, which the RFC allows (section 3).
pub const MAX_ORDER: usize = 16;
/// The lowest level, in decibels below the overload point: what silence is described as.
const SILENT: u8 = 127;
/// The index of a coefficient of 0, and the highest that there is.
const ZERO: u8 = 127;
const HIGHEST: u8 = 254;

/// A description of noise: a payload of RFC 3389 section 3.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Description {
    /// The level in -dBov, decibels below a square wave of the greatest amplitude: 0 to 127.
    level: u8,
    order: usize,
    /// The quantised reflection coefficients.
    indices: [u8; MAX_ORDER],
}

impl Description {
    /// White noise of this level.
    #[must_use]
    pub const fn white(level: u8) -> Self {
        let level = if level < SILENT { level } else { SILENT };
        Self { level, order: 0, indices: [ZERO; MAX_ORDER] }
    }

    /// Reads a payload; `None` when it is empty. The bit that is to be 0 is not looked at, nor are coefficients beyond [`MAX_ORDER`].
    #[must_use]
    pub fn read(payload: &[u8]) -> Option<Self> {
        let (level, indices) = payload.split_first()?;
        let mut description = Self::white(level & SILENT);
        for (place, index) in description.indices.iter_mut().zip(indices) {
            // 255 stands for nothing, and would make the model unstable.
            *place = (*index).min(HIGHEST);
        }
        description.order = indices.len().min(MAX_ORDER);
        Some(description)
    }

    /// Writes the payload into the start of `payload` and tells its length. What does not fit is left out.
    pub fn write(&self, payload: &mut [u8]) -> usize {
        let bytes = std::iter::once(&self.level).chain(&self.indices[..self.order]);
        payload.iter_mut().zip(bytes).map(|(place, byte)| *place = *byte).count()
    }

    /// The level in -dBov.
    #[must_use]
    pub const fn level(&self) -> u8 {
        self.level
    }

    /// The reflection coefficients, between -1 and 1.
    pub fn coefficients(&self) -> impl Iterator<Item = f64> {
        self.indices[..self.order].iter().map(|index| coefficient(*index))
    }

    /// The root of the mean square of the samples.
    fn amplitude(&self) -> f64 {
        if self.level == SILENT { 0.0 } else { OVERLOAD * 10_f64.powf(-f64::from(self.level) / 20.0) }
    }
}

/// The root of the mean square at 0 dBov: what a square wave of the greatest amplitude has.
const OVERLOAD: f64 = 32_768.0;
/// Distance of two neighbouring coefficients (RFC 3389 section 3.2).
const STEP: f64 = 258.0 / 32_768.0;

fn coefficient(index: u8) -> f64 {
    STEP * (f64::from(index) - f64::from(ZERO))
}
