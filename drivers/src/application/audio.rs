//! What an application does with the audio of its calls.

use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::mpsc;

use sipsimple_audio::bridge::BridgeId;
use sipsimple_audio::engine::{Engine, Leg, MixerId, NoLeg, PlayError, PlugError, PortId, Recorded, RecordingError};
use sipsimple_audio::port::AudioPort;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::wave::{Wave, WaveError, WavePlayer, WaveRecorder};
use sipsimple_core::id::StreamId;
use sipsimple_core::time::Instant;

use super::Application;
use crate::media::Order;

/// Why something cannot be done with the audio of a stream.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AudioError {
    /// The stream has no audio, or has no more.
    #[error(transparent)]
    NoLeg(#[from] NoLeg),
    /// It cannot be played.
    #[error(transparent)]
    Play(PlayError),
    /// It cannot be recorded.
    #[error(transparent)]
    Recording(RecordingError),
    /// It cannot be plugged into the mixer.
    #[error(transparent)]
    Plug(#[from] PlugError),
    /// The file cannot be read or written.
    #[error(transparent)]
    Wave(#[from] WaveError),
    /// The device cannot be opened.
    #[error(transparent)]
    Device(#[from] sipsimple_audio::device::DeviceError),
    /// The application has stopped.
    #[error("the application has stopped")]
    Stopped,
}

impl From<PlayError> for AudioError {
    fn from(error: PlayError) -> Self {
        match error {
            PlayError::NoLeg(error) => Self::NoLeg(error),
            error => Self::Play(error),
        }
    }
}

impl From<RecordingError> for AudioError {
    fn from(error: RecordingError) -> Self {
        match error {
            RecordingError::NoLeg(error) => Self::NoLeg(error),
            RecordingError::Wave(error) => Self::Wave(error),
            error => Self::Recording(error),
        }
    }
}

/// The audio of calls. A stream has audio from [`StreamEvent::DidStart`](sipsimple_core::stream::StreamEvent::DidStart)
/// to its end.
///
/// Files are opened by the calling thread, so that no call waits for a disk.
impl Application {
    /// Samples per second of the mixers (setting `audio.sample_rate`). Players and recorders that were made for another rate are resampled.
    #[must_use]
    pub fn sample_rate(&self) -> SampleRate {
        SampleRate::new(self.sample_rate.load(Ordering::Relaxed)).unwrap_or_default()
    }

    /// Plays a WAV file to the remote party of a stream, once. Its beginning and end come as events.
    ///
    /// # Errors
    /// When the file cannot be read, or the stream has no audio.
    pub fn play_wave(&self, stream: StreamId, file: impl Into<PathBuf>) -> Result<PortId, AudioError> {
        let wave = Wave::open(file.into())?.at_rate(self.sample_rate()).map_err(WaveError::Rate)?;
        self.play(stream, WavePlayer::from_wave(wave, self.sample_rate()))
    }

    /// Plays to the remote party of a stream, and to nobody else.
    ///
    /// # Errors
    /// When the stream has no audio.
    pub fn play(&self, stream: StreamId, mut player: WavePlayer) -> Result<PortId, AudioError> {
        player.start();
        Ok(self.with_engine(move |engine, _| engine.play(stream, player))??)
    }

    /// Stops everything that is played to a stream.
    ///
    /// # Errors
    /// When the stream has no audio.
    pub fn stop_playing(&self, stream: StreamId) -> Result<(), AudioError> {
        Ok(self.with_engine(move |engine, _| engine.stop_playing(stream))??)
    }

    /// Records a stream into a WAV file (`AudioStream.start_recording` of the seeds), until
    /// [`stop_recording`](Self::stop_recording) or the stream's end.
    ///
    /// # Errors
    /// When the file cannot be written, the stream has no audio, or it is being recorded already.
    pub fn start_recording(
        &self,
        stream: StreamId,
        file: impl Into<PathBuf>,
        what: Recorded,
    ) -> Result<(), AudioError> {
        let mut recorder = WaveRecorder::new(file, self.sample_rate());
        recorder.start()?;
        Ok(self.with_engine(move |engine, _| engine.start_recording(stream, recorder, what))??)
    }

    /// Ends the recording of a stream and closes its file; nothing happens when it is not recorded.
    ///
    /// # Errors
    /// When the stream has no audio.
    pub fn stop_recording(&self, stream: StreamId) -> Result<(), AudioError> {
        Ok(self.with_engine(move |engine, _| engine.stop_recording(stream))??)
    }

    /// Sends back to the remote party of a stream what comes from it, or stops to.
    ///
    /// # Errors
    /// When the stream has no audio.
    pub fn echo(&self, stream: StreamId, on: bool) -> Result<(), AudioError> {
        Ok(self.with_engine(move |engine, _| engine.echo(stream, on))??)
    }

    /// Whether nobody on this side hears a stream (`AudioStream.muted` of the reference).
    ///
    /// # Errors
    /// When the stream has no audio.
    pub fn is_muted(&self, stream: StreamId) -> Result<bool, AudioError> {
        let muted = self.with_engine(move |engine, _| engine.leg(stream).map(Leg::is_muted))?;
        muted.ok_or(AudioError::NoLeg(NoLeg(stream)))
    }

    /// Mutes a stream, or takes that back: muted, nobody on this side hears it, and the remote party goes on hearing us.
    ///
    /// # Errors
    /// When the stream has no audio.
    pub fn set_muted(&self, stream: StreamId, muted: bool) -> Result<(), AudioError> {
        Ok(self.with_engine(move |engine, _| engine.mute(stream, muted))??)
    }

    /// Speaks into the calls from this device and hears them on it. Without one, nobody on this side speaks or hears.
    ///
    /// # Errors
    /// When the device has another sample rate than the mixer.
    pub fn set_device(&self, device: impl AudioPort) -> Result<(), AudioError> {
        Ok(self.with_engine(move |engine, _| engine.set_device(device))??)
    }

    /// The bridge to speak and to be heard in: the device of the voice mixer is part of it always.
    #[must_use]
    pub const fn voice_audio_bridge(&self) -> BridgeId {
        let [voice, _] = self.bridges;
        voice
    }

    /// The bridge to alert in: the device of the alert mixer is part of it always. The setting `audio.silent` keeps it quiet.
    #[must_use]
    pub const fn alert_audio_bridge(&self) -> BridgeId {
        let [_, alert] = self.bridges;
        alert
    }

    /// Anything else that the engine of the voice mixer can do for an application: bridges, mutes, volumes, tones. Runs on
    /// the media thread between two ticks, which wait for it, and waits for what it returns. Ticking the engine there would
    /// upset its pace.
    ///
    /// # Errors
    /// When the application has stopped.
    pub fn with_engine<R: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Engine, Instant) -> R + Send + 'static,
    ) -> Result<R, AudioError> {
        self.with_mixer(MixerId::VOICE, run)
    }

    /// The same with the engine of the alert mixer, which plays ringtones and has no calls.
    ///
    /// # Errors
    /// When the application has stopped.
    pub fn with_alert_engine<R: Send + 'static>(
        &self,
        run: impl FnOnce(&mut Engine, Instant) -> R + Send + 'static,
    ) -> Result<R, AudioError> {
        self.with_mixer(MixerId::ALERT, run)
    }

    pub(super) fn with_mixer<R: Send + 'static>(
        &self,
        mixer: MixerId,
        run: impl FnOnce(&mut Engine, Instant) -> R + Send + 'static,
    ) -> Result<R, AudioError> {
        let (reply, answer) = mpsc::sync_channel(1);
        let run = Box::new(move |engine: &mut Engine, now| {
            let _ = reply.send(run(engine, now));
        });
        self.engine.try_send(Order::Run(mixer, run)).map_err(|_| AudioError::Stopped)?;
        answer.recv().map_err(|_| AudioError::Stopped)
    }
}
