//! Records what it hears into a WAV file, 16 bits mono at the mixer's rate (seed class WaveRecorder).

use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};

use hound::{SampleFormat, WavSpec, WavWriter};

use super::WaveError;
use crate::port::{AudioPort, PortEvent, Roles};
use crate::rate::SampleRate;

/// Frames after which the header is brought up to date, so that a crash leaves a file that plays: 5 seconds.
const CHECKPOINT: u32 = 250;
/// Bytes that are gathered before they are written.
const BUFFER: usize = 64 * 1024;
/// Bytes of data that a file may hold: its lengths have 32 bits.
pub(super) const MAX_BYTES: u64 = 0xffff_0000;

pub(super) type Writer = WavWriter<BufWriter<File>>;

/// Records into a file. Can be started again after it was stopped, which overwrites the file.
pub struct WaveRecorder {
    filename: PathBuf,
    rate: SampleRate,
    writer: Option<Writer>,
    frames: u32,
    bytes: u64,
    failed: Option<WaveError>,
}

impl WaveRecorder {
    /// A recorder into a file, for a mixer of this rate.
    pub fn new(filename: impl Into<PathBuf>, rate: SampleRate) -> Self {
        Self { filename: filename.into(), rate, writer: None, frames: 0, bytes: 0, failed: None }
    }

    /// The file.
    #[must_use]
    pub fn filename(&self) -> &Path {
        &self.filename
    }

    /// Makes the directories up to the file, overwrites it, and records from the next tick on. Nothing happens when it is active already.
    ///
    /// # Errors
    ///
    /// [`WaveError::Io`] when that cannot be done.
    pub fn start(&mut self) -> Result<(), WaveError> {
        if self.writer.is_none() {
            self.writer = Some(create(&self.filename, self.rate.hz())?);
            (self.frames, self.bytes) = (0, 0);
        }
        Ok(())
    }

    /// Stops and closes the file.
    ///
    /// # Errors
    ///
    /// [`WaveError::Io`] when the last of it cannot be written.
    pub fn stop(&mut self) -> Result<(), WaveError> {
        match self.writer.take() {
            Some(writer) => writer.finalize().map_err(error),
            None => Ok(()),
        }
    }

    /// Whether it records.
    #[must_use]
    pub const fn is_active(&self) -> bool {
        self.writer.is_some()
    }

    fn record(&mut self, frame: &[i16]) -> Result<(), WaveError> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        self.bytes += 2 * u64::try_from(frame.len()).unwrap_or(u64::MAX / 4);
        if self.bytes > MAX_BYTES {
            return Err(WaveError::TooLarge);
        }
        write(writer, frame)?;
        self.frames = (self.frames + 1) % CHECKPOINT;
        if self.frames == 0 {
            writer.flush().map_err(error)?;
        }
        Ok(())
    }
}

impl AudioPort for WaveRecorder {
    fn roles(&self) -> Roles {
        if self.is_active() { Roles::CONSUMER } else { Roles::NONE }
    }

    fn sample_rate(&self) -> Option<SampleRate> {
        Some(self.rate)
    }

    fn consume(&mut self, frame: &[i16]) {
        if let Err(error) = self.record(frame) {
            // The header is still brought up to date if the disk allows it.
            self.writer = None;
            self.failed = Some(error);
        }
    }

    fn poll_event(&mut self) -> Option<PortEvent> {
        self.failed.take().map(|error| PortEvent::WaveRecorderDidFail { error })
    }
}

impl std::fmt::Debug for WaveRecorder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("WaveRecorder")
            .field("filename", &self.filename)
            .field("rate", &self.rate)
            .field("active", &self.is_active())
            .field("bytes", &self.bytes)
            .finish_non_exhaustive()
    }
}

/// Makes the directories up to a file, and the file, ready for samples of 16 bits, mono.
pub(super) fn create(path: &Path, rate: u32) -> Result<Writer, WaveError> {
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    let file = BufWriter::with_capacity(BUFFER, File::create(path)?);
    let spec = WavSpec { channels: 1, sample_rate: rate, bits_per_sample: 16, sample_format: SampleFormat::Int };
    WavWriter::new(file, spec).map_err(error)
}

/// Writes samples at the end. The writer keeps its buffer from call to call.
pub(super) fn write(writer: &mut Writer, samples: &[i16]) -> Result<(), WaveError> {
    for samples in samples.chunks(960) {
        let len = u32::try_from(samples.len()).map_err(|_| WaveError::TooLarge)?;
        let mut buffer = writer.get_i16_writer(len);
        for sample in samples {
            buffer.write_sample(*sample);
        }
        buffer.flush().map_err(error)?;
    }
    Ok(())
}

pub(super) fn error(error: hound::Error) -> WaveError {
    match error {
        hound::Error::IoError(error) => WaveError::Io(error),
        other => WaveError::Io(io::Error::other(other)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wave::Wave;

    #[test]
    fn records_into_a_directory_that_was_not_there() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("a/b/call.wav");
        let mut recorder = WaveRecorder::new(&path, SampleRate::HZ_16000);
        recorder.consume(&[9; 320]);
        assert_eq!(recorder.roles(), Roles::NONE);
        recorder.start().unwrap();
        recorder.start().unwrap();
        assert_eq!(recorder.roles(), Roles::CONSUMER);
        for value in 0..300 {
            recorder.consume(&[value; 320]);
        }
        recorder.stop().unwrap();
        recorder.stop().unwrap();
        let wave = Wave::open(&path).unwrap();
        assert_eq!((wave.rate(), wave.samples().len()), (16_000, 300 * 320));
        assert!(wave.samples().chunks(320).zip(0..).all(|(frame, value)| frame == [value; 320]));

        recorder.start().unwrap();
        recorder.consume(&[5; 320]);
        drop(recorder);
        assert_eq!(Wave::open(&path).unwrap().samples(), [5; 320], "a dropped recorder leaves a whole file");
    }

    #[test]
    fn the_file_plays_while_it_grows() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("call.wav");
        let mut recorder = WaveRecorder::new(&path, SampleRate::HZ_8000);
        recorder.start().unwrap();
        for _ in 0..CHECKPOINT + 10 {
            recorder.consume(&[1; 160]);
        }
        assert_eq!(Wave::open(&path).unwrap().samples().len(), 250 * 160);
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let directory = tempfile::tempdir().unwrap();
        let mut recorder = WaveRecorder::new(directory.path(), SampleRate::HZ_8000);
        assert!(matches!(recorder.start(), Err(WaveError::Io(_))));
        assert!(!recorder.is_active());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_full_disk_ends_the_recording_with_an_event() {
        // A device that refuses every byte stands for a full disk.
        let mut recorder = WaveRecorder::new("/dev/full", SampleRate::HZ_8000);
        recorder.start().unwrap();
        for _ in 0..500 {
            recorder.consume(&[1; 160]);
        }
        assert!(!recorder.is_active());
        assert!(matches!(recorder.poll_event(), Some(PortEvent::WaveRecorderDidFail { error: WaveError::Io(_) })));
        assert!(recorder.poll_event().is_none());
    }

    #[test]
    fn four_gigabytes_are_enough() {
        let directory = tempfile::tempdir().unwrap();
        let mut recorder = WaveRecorder::new(directory.path().join("long.wav"), SampleRate::HZ_8000);
        recorder.start().unwrap();
        recorder.bytes = MAX_BYTES;
        recorder.consume(&[1; 160]);
        assert!(matches!(recorder.poll_event(), Some(PortEvent::WaveRecorderDidFail { error: WaveError::TooLarge })));
    }
}
