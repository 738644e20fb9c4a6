//! The legs of an engine: their commands, and what the application does with them.

use std::net::SocketAddr;
use std::path::PathBuf;

use bytes::Bytes;
use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Command, Component, Path, Setup};
use sipsimple_core::time::{Instant, Utc};

use super::leg::{Leg, Recording};
use super::{AudioEvent, Engine, PlugError, Plugged, PortId};
use crate::bridge::{BridgeError, BridgeId};
use crate::port::Roles;
use crate::tone::{Tone, ToneError, ToneGenerator};
use crate::wave::{WaveError, WavePlayer, WaveRecorder};

/// What a recording of a stream holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Recorded {
    /// Everything in the bridge of the leg: both sides (AudioStream.start_recording).
    #[default]
    Conversation,
    /// What comes from the remote party and nothing else.
    Received,
}

/// There is no leg for this stream, or it is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} has no audio")]
pub struct NoLeg(pub StreamId);

/// Why something cannot be played to a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PlayError {
    /// There is no leg for the stream.
    #[error("{0}")]
    NoLeg(#[from] NoLeg),
    /// All slots are in use, or the rate is not the mixer's.
    #[error("{0}")]
    Plug(#[from] PlugError),
    /// The tones cannot be played.
    #[error("{0}")]
    Tone(#[from] ToneError),
}

/// Why a stream cannot be recorded.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RecordingError {
    /// There is no leg for the stream.
    #[error("{0}")]
    NoLeg(#[from] NoLeg),
    /// It is being recorded already.
    #[error("the stream is being recorded already")]
    AlreadyRecording,
    /// All slots are in use, or the rate is not the mixer's.
    #[error("{0}")]
    Plug(#[from] PlugError),
    /// The file cannot be written.
    #[error("{0}")]
    Wave(#[from] WaveError),
}

impl Engine {
    /// Makes the leg of a stream (`Command::Prepare`, once the sockets are bound): a path, a port, and a bridge with the
    /// device and the port. A leg that the stream has already is replaced. `utc` is the time at `now`.
    ///
    /// # Errors
    ///
    /// [`PlugError::Full`].
    pub fn add_leg(&mut self, stream: StreamId, setup: &Setup, now: Instant, utc: Utc) -> Result<(), PlugError> {
        self.remove_leg(stream);
        let port = self.plug(Plugged::Leg(Roles::NONE))?;
        let bridge = self.add_bridge();
        for member in [self.device_port(), port] {
            // The bridge is new, and both exist.
            let _: Result<(), BridgeError> = self.bridge(bridge, member);
        }
        self.legs.insert(stream, Leg::new(Path::new(setup, now, utc), port, bridge));
        Ok(())
    }

    /// Does what the agent asks of a stream (`Effect::Media`). What becomes of it comes from [`Leg::poll_event`].
    /// `Command::Prepare` is the caller's: it binds the sockets and calls [`Engine::add_leg`] and [`Leg::bound`].
    pub fn command(&mut self, now: Instant, stream: StreamId, command: &Command) {
        let rate = self.sample_rate();
        let Some(leg) = self.legs.get_mut(&stream) else { return };
        match command {
            Command::Start(parameters) | Command::Update(parameters) => {
                leg.start(now, parameters, &self.codecs, rate);
            }
            Command::SendDtmf { digit, duration } => leg.send_dtmf(now, *digit, *duration),
            // Without a leg that lives there is nothing to hold.
            Command::Hold(held) => drop(self.hold(stream, *held)),
            Command::Stop => {
                leg.stop(now);
                self.clear_leg(stream);
            }
            _ => {}
        }
    }

    /// A datagram came for a stream; none is known, it is dropped.
    pub fn datagram(&mut self, now: Instant, stream: StreamId, component: Component, from: SocketAddr, data: Bytes) {
        if let Some(leg) = self.legs.get_mut(&stream) {
            leg.datagram(now, component, from, data);
        }
    }

    /// The leg of a stream.
    #[must_use]
    pub fn leg(&self, stream: StreamId) -> Option<&Leg> {
        self.legs.get(&stream)
    }

    /// The leg of a stream, to drain it.
    pub fn leg_mut(&mut self, stream: StreamId) -> Option<&mut Leg> {
        self.legs.get_mut(&stream)
    }

    /// All legs, to drain them after a tick.
    pub fn legs_mut(&mut self) -> impl Iterator<Item = (StreamId, &mut Leg)> {
        self.legs.iter_mut().map(|(stream, leg)| (*stream, leg))
    }

    /// Forgets the leg of a stream, whatever it still had to send; whether there was one.
    pub fn remove_leg(&mut self, stream: StreamId) -> bool {
        self.clear_leg(stream);
        self.legs.remove(&stream).is_some()
    }

    /// Holds or unholds a stream on this side: held, it is heard by nobody, hears nobody and is not recorded; silence is sent.
    ///
    /// # Errors
    ///
    /// [`NoLeg`].
    pub fn hold(&mut self, stream: StreamId, held: bool) -> Result<(), NoLeg> {
        let leg = self.live(stream)?;
        if leg.held == held {
            return Ok(());
        }
        leg.held = held;
        if let Some(Recording { port, in_bridge: true }) = leg.recording {
            let bridge = leg.bridge;
            // The bridge and the port live as long as the leg and the recording.
            let _ = if held { self.unbridge(bridge, port) } else { self.bridge(bridge, port) };
        }
        Ok(())
    }

    /// Mutes a stream or takes that back (AudioStream.muted): muted, it is heard by nobody on this side, and not recorded. Its port produces no
    /// more, which [`AudioEvent::AudioPortDidChangeSlots`] tells.
    ///
    /// # Errors
    ///
    /// [`NoLeg`].
    pub fn mute(&mut self, stream: StreamId, muted: bool) -> Result<(), NoLeg> {
        self.live(stream)?.muted = muted;
        Ok(())
    }

    /// Sends back what comes in, or stops to; beside everything else that the stream hears.
    ///
    /// # Errors
    ///
    /// [`NoLeg`].
    pub fn echo(&mut self, stream: StreamId, on: bool) -> Result<(), NoLeg> {
        let port = self.live(stream)?.port;
        let result = if on { self.connect(port, port) } else { self.disconnect(port, port) };
        result.map_err(|_| NoLeg(stream))
    }

    /// Plays to the remote party of a stream, and to nobody else. The player goes when it has ended; [`AudioEvent::Port`] tells.
    /// It is started if it is not active; one that was started before, on another thread, reads nothing from disk here.
    ///
    /// # Errors
    ///
    /// [`PlayError::NoLeg`], [`PlayError::Plug`].
    pub fn play(&mut self, stream: StreamId, mut player: WavePlayer) -> Result<PortId, PlayError> {
        let leg = self.live(stream)?.port;
        player.start();
        let port = self.plug_port(player, Plugged::Passing)?;
        self.connect(port, leg).map_err(|_| NoLeg(stream))?;
        self.live(stream)?.players.push(port);
        Ok(port)
    }

    /// Stops everything that is played to a stream: players and tones.
    ///
    /// # Errors
    ///
    /// [`NoLeg`].
    pub fn stop_playing(&mut self, stream: StreamId) -> Result<(), NoLeg> {
        let leg = self.live(stream)?;
        let (players, tones) = (leg.players.clone(), leg.tones);
        for port in players {
            if let Some(player) = self.port_mut::<WavePlayer>(port) {
                player.stop();
            }
        }
        if let Some(generator) = tones.and_then(|port| self.port_mut::<ToneGenerator>(port)) {
            generator.stop();
        }
        Ok(())
    }

    /// Plays tones to the remote party of a stream, in its audio.
    ///
    /// # Errors
    ///
    /// [`PlayError`].
    pub fn play_tones(&mut self, stream: StreamId, tones: &[Tone]) -> Result<(), PlayError> {
        Ok(self.tone_generator(stream)?.play_tones(tones)?)
    }

    /// Plays a DTMF digit to the remote party of a stream, in its audio (RFC 4733 events are `Command::SendDtmf`).
    ///
    /// # Errors
    ///
    /// [`PlayError`].
    pub fn play_dtmf(&mut self, stream: StreamId, digit: char) -> Result<(), PlayError> {
        Ok(self.tone_generator(stream)?.play_dtmf(digit)?)
    }

    fn tone_generator(&mut self, stream: StreamId) -> Result<&mut ToneGenerator, PlayError> {
        let leg = self.live(stream)?;
        let (port, known) = (leg.port, leg.tones);
        let tones = match known {
            Some(tones) => tones,
            None => {
                let generator = ToneGenerator::new(self.sample_rate());
                let tones = self.plug(Plugged::Passing(Box::new(generator)))?;
                self.connect(tones, port).map_err(|_| NoLeg(stream))?;
                tones
            }
        };
        self.live(stream)?.tones = Some(tones);
        Ok(self.port_mut(tones).ok_or(NoLeg(stream))?)
    }

    /// Records a stream (AudioStream.start_recording). While the stream is held, nothing is recorded.
    /// The recorder is started if it is not active; one that was started before, on another thread, opens no file here.
    ///
    /// # Errors
    ///
    /// [`RecordingError`]; nothing is told by events then.
    pub fn start_recording(
        &mut self,
        stream: StreamId,
        mut recorder: WaveRecorder,
        what: Recorded,
    ) -> Result<(), RecordingError> {
        let leg = self.live(stream)?;
        let (leg_port, bridge, held) = (leg.port, leg.bridge, leg.held);
        if leg.recording.is_some() {
            return Err(RecordingError::AlreadyRecording);
        }
        recorder.start()?;
        let filename = recorder.filename().to_owned();
        let port = self.plug_port(recorder, Plugged::Passing)?;
        let in_bridge = what == Recorded::Conversation;
        let connected = match what {
            Recorded::Received => self.connect(leg_port, port),
            Recorded::Conversation if held => Ok(()),
            Recorded::Conversation => self.bridge(bridge, port),
        };
        connected.map_err(|_| NoLeg(stream))?;
        self.live(stream)?.recording = Some(Recording { port, in_bridge });
        self.events.push_back(AudioEvent::WillStartRecording { stream, filename: filename.clone() });
        self.events.push_back(AudioEvent::DidStartRecording { stream, filename });
        Ok(())
    }

    /// Ends the recording of a stream and closes its file; nothing happens when it is not recorded.
    ///
    /// # Errors
    ///
    /// [`NoLeg`].
    pub fn stop_recording(&mut self, stream: StreamId) -> Result<(), NoLeg> {
        if let Some(recording) = self.live(stream)?.recording.take() {
            self.close_recording(stream, recording.port, None);
        }
        Ok(())
    }

    /// The file that a stream is recorded into (AudioStream.recording_filename).
    #[must_use]
    pub fn recording_filename(&self, stream: StreamId) -> Option<&std::path::Path> {
        let recording = self.legs.get(&stream)?.recording.as_ref()?;
        Some(self.port::<WaveRecorder>(recording.port)?.filename())
    }

    fn close_recording(&mut self, stream: StreamId, port: PortId, failure: Option<String>) {
        let mut filename = PathBuf::new();
        let mut reason = failure;
        if let Some(recorder) = self.port_mut::<WaveRecorder>(port) {
            filename = recorder.filename().to_owned();
        }
        if reason.is_none() {
            self.events.push_back(AudioEvent::WillStopRecording { stream, filename: filename.clone() });
        }
        if let Some(recorder) = self.port_mut::<WaveRecorder>(port)
            && let Err(error) = recorder.stop()
        {
            reason = reason.or_else(|| Some(error.to_string()));
        }
        self.unplug(port);
        self.events.push_back(AudioEvent::DidStopRecording { stream, filename, reason });
    }

    /// A port that goes by itself has ended.
    pub(super) fn passed(&mut self, port: PortId, failure: Option<String>) {
        let recorded = |leg: &Leg| leg.recording.as_ref().is_some_and(|recording| recording.port == port);
        if let Some((stream, leg)) = self.legs.iter_mut().find(|(_, leg)| recorded(leg)) {
            leg.recording = None;
            let stream = *stream;
            self.close_recording(stream, port, failure);
            return;
        }
        for leg in self.legs.values_mut() {
            leg.players.retain(|player| *player != port);
        }
        self.unplug(port);
    }

    /// Takes a leg out of the mixer, with everything that was played to it and recorded of it. Its path stays.
    fn clear_leg(&mut self, stream: StreamId) {
        let Some(leg) = self.legs.get_mut(&stream) else { return };
        let (port, bridge, recording) = (leg.port, leg.bridge, leg.recording.take());
        let mut ports = std::mem::take(&mut leg.players);
        ports.extend(leg.tones.take());
        ports.push(port);
        if let Some(recording) = recording {
            self.close_recording(stream, recording.port, None);
        }
        for port in ports {
            self.unplug(port);
        }
        self.conferences_mut().forget(stream);
        // It is gone when the leg was cleared before.
        let _: Result<(), BridgeError> = self.remove_bridge(bridge);
    }

    /// The bridge of a stream that is not stopped.
    pub(crate) fn bridge_of(&mut self, stream: StreamId) -> Result<BridgeId, NoLeg> {
        Ok(self.live(stream)?.bridge)
    }

    /// The leg of a stream that is not stopped.
    fn live(&mut self, stream: StreamId) -> Result<&mut Leg, NoLeg> {
        self.legs.get_mut(&stream).filter(|leg| self.slots.contains_key(&leg.port)).ok_or(NoLeg(stream))
    }

    pub(super) fn receive(&mut self, now: Instant) {
        for leg in self.legs.values_mut() {
            // A leg that was stopped has no port any more, and only its path goes on.
            let slot = self.slots.get(&leg.port);
            let plug = slot.and_then(|slot| self.plugs.get_mut(slot.index())).and_then(Option::as_mut);
            if let (Some(plug), Some(frame)) = (plug, slot.and_then(|slot| self.mixer.input(*slot))) {
                leg.receive(now, frame);
                plug.port = Plugged::Leg(leg.roles());
            } else {
                leg.receive(now, &mut []);
            }
        }
    }

    pub(super) fn send(&mut self, now: Instant) {
        for leg in self.legs.values_mut() {
            if let Some(frame) = self.slots.get(&leg.port).and_then(|slot| self.mixer.output(*slot)) {
                leg.send(now, frame);
            }
        }
    }
}
