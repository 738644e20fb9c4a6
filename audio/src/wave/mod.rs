//! WAV files: reading them whole, playing and recording them.

mod player;
mod recorder;
mod riff;

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use crate::rate::SampleRate;
use crate::resample::{UnsupportedRatio, resample};

pub use player::WavePlayer;
pub use recorder::WaveRecorder;

/// Bytes of a file that is read: 256 MiB, which is over two hours of 16 bits at 16 kHz.
const MAX_BYTES: u64 = 256 << 20;

/// Why a WAV file cannot be read, played or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WaveError {
    /// The file cannot be opened, read or written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It does not begin as a RIFF file of kind WAVE.
    #[error("not a WAV file")]
    NotWave,
    /// It ends inside a chunk.
    #[error("the file ends inside a chunk at byte {at}")]
    Truncated {
        /// Where the chunk begins.
        at: usize,
    },
    /// Its `fmt ` chunk is missing, comes after the data, or contradicts itself.
    #[error("the fmt chunk is missing or wrong")]
    Format,
    /// The coding of its samples is not known.
    #[error("format {tag} with {bits} bits per sample is not supported")]
    Unsupported {
        /// The format tag: 1 PCM, 3 float, 6 A-law, 7 µ-law.
        tag: u16,
        /// Bits per sample.
        bits: u16,
    },
    /// Its data are missing, empty, or end inside a sample.
    #[error("the data are missing or incomplete")]
    Data,
    /// It is larger than 256 MiB, or a recording has grown to 4 GiB.
    #[error("the file is too large")]
    TooLarge,
    /// Its rate cannot be changed to the mixer's.
    #[error("{0}")]
    Rate(#[from] UnsupportedRatio),
}

/// A piece of audio in memory: mono, 16 bits. Clones share it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wave {
    rate: u32,
    samples: Arc<[i16]>,
}

impl Wave {
    /// These samples, at `rate` Hz.
    #[must_use]
    pub fn new(rate: u32, samples: Vec<i16>) -> Self {
        Self { rate, samples: samples.into() }
    }

    /// Reads a file: PCM of 8, 16, 24 or 32 bits, float of 32 or 64 bits, A-law, µ-law; 1 to 32 channels, whose mean is taken.
    ///
    /// # Errors
    ///
    /// Any [`WaveError`] but [`WaveError::Rate`].
    pub fn open(path: impl AsRef<Path>) -> Result<Self, WaveError> {
        let mut bytes = Vec::new();
        File::open(path)?.take(MAX_BYTES + 1).read_to_end(&mut bytes)?;
        if u64::try_from(bytes.len()).is_ok_and(|len| len > MAX_BYTES) {
            return Err(WaveError::TooLarge);
        }
        Self::parse(&bytes)
    }

    /// Reads the bytes of a file, as [`Wave::open`].
    ///
    /// # Errors
    ///
    /// As [`Wave::open`], without [`WaveError::Io`] and [`WaveError::TooLarge`].
    pub fn parse(bytes: &[u8]) -> Result<Self, WaveError> {
        let riff = riff::Riff::parse(bytes)?;
        Ok(Self::new(riff.rate, riff.samples()))
    }

    /// The same at another rate; itself if it has that rate.
    ///
    /// # Errors
    ///
    /// [`UnsupportedRatio`] when the ratio of the rates is too odd.
    pub fn at_rate(&self, rate: SampleRate) -> Result<Self, UnsupportedRatio> {
        if self.rate == rate.hz() {
            return Ok(self.clone());
        }
        Ok(Self::new(rate.hz(), resample(&self.samples, self.rate, rate.hz())?))
    }

    /// Writes it into a file, 16 bits mono. Directories up to it are made.
    ///
    /// # Errors
    ///
    /// [`WaveError::Io`], and [`WaveError::TooLarge`] above 4 GiB.
    pub fn save(&self, path: impl AsRef<Path>) -> Result<(), WaveError> {
        if u64::try_from(self.samples.len()).is_ok_and(|len| 2 * len > recorder::MAX_BYTES) {
            return Err(WaveError::TooLarge);
        }
        let mut writer = recorder::create(path.as_ref(), self.rate)?;
        recorder::write(&mut writer, &self.samples)?;
        writer.finalize().map_err(recorder::error)
    }

    /// Samples per second.
    #[must_use]
    pub const fn rate(&self) -> u32 {
        self.rate
    }

    /// The samples.
    #[must_use]
    pub fn samples(&self) -> &[i16] {
        &self.samples
    }
}
