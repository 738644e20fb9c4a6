//! The leg of a call: one audio stream's packet path with what turns its packets into samples and back.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use sipsimple_core::media::{Candidate, Component, Event, Format, Parameters, Path, Pull, Transmit};
use sipsimple_core::time::Instant;
use sipsimple_core::transport::CloseCause;

use super::PortId;
use crate::bridge::BridgeId;
use crate::codec::{Codec, Codecs};
use crate::packetizer::{Packet, Packetizer};
use crate::playout::{Playout, PlayoutStatistics};
use crate::port::Roles;
use crate::rate::SampleRate;
use crate::resample::UnsupportedRatio;

/// Packets that are taken from the path in one tick; it holds no more.
const MAX_PULLS: usize = 64;

/// Why a leg cannot go on with the parameters it was given.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LegError {
    /// No codec is built in for any of the formats.
    #[error("no codec is built in for any of the formats agreed on")]
    NoCodec,
    /// The codec's rate and the mixer's cannot be joined.
    #[error("{0}")]
    Rate(#[from] UnsupportedRatio),
}

/// One audio stream: its path, which the caller moves the datagrams of, and its place in the mixer.
#[derive(Debug)]
pub struct Leg {
    path: Path,
    pub(super) port: PortId,
    pub(super) bridge: BridgeId,
    coding: Option<Coding>,
    pub(super) held: bool,
    pub(super) muted: bool,
    stopped: bool,
    pub(super) recording: Option<Recording>,
    pub(super) tones: Option<PortId>,
    /// Players of [`super::Engine::play`] that have not ended.
    pub(super) players: Vec<PortId>,
    failed: Option<LegError>,
}

/// A recording in progress.
#[derive(Debug)]
pub(super) struct Recording {
    pub(super) port: PortId,
    /// It is in the bridge of the leg whenever the leg is not held.
    pub(super) in_bridge: bool,
}

/// Both ways between samples and payloads, for the parameters agreed on.
#[derive(Debug)]
struct Coding {
    parameters: Parameters,
    codec: Arc<dyn Codec>,
    playout: Playout,
    packetizer: Packetizer,
}

impl Leg {
    pub(super) const fn new(path: Path, port: PortId, bridge: BridgeId) -> Self {
        Self {
            path,
            port,
            bridge,
            coding: None,
            held: false,
            muted: false,
            stopped: false,
            recording: None,
            tones: None,
            players: Vec::new(),
            failed: None,
        }
    }

    /// Its port in the mixer.
    #[must_use]
    pub const fn port(&self) -> PortId {
        self.port
    }

    /// Its bridge (AudioStream.bridge): holds the device and the leg, and the recorder of a conversation.
    #[must_use]
    pub const fn bridge(&self) -> BridgeId {
        self.bridge
    }

    /// Its packet path.
    #[must_use]
    pub const fn path(&self) -> &Path {
        &self.path
    }

    /// The codec that it sends with, once started.
    #[must_use]
    pub fn codec(&self) -> Option<&Arc<dyn Codec>> {
        self.coding.as_ref().map(|coding| &coding.codec)
    }

    /// Whether the application holds it.
    #[must_use]
    pub const fn is_held(&self) -> bool {
        self.held
    }

    /// Whether nobody on this side hears it (AudioStream.muted).
    #[must_use]
    pub const fn is_muted(&self) -> bool {
        self.muted
    }

    /// What its playout counted since the last change of formats.
    #[must_use]
    pub fn playout(&self) -> PlayoutStatistics {
        self.coding.as_ref().map(|coding| coding.playout.statistics()).unwrap_or_default()
    }

    /// The sockets are bound to these addresses: [`Path::bound`].
    pub fn bound(&mut self, now: Instant, sockets: Vec<Candidate>) {
        self.path.bound(now, sockets);
    }

    /// A datagram came from the network.
    pub fn datagram(&mut self, now: Instant, component: Component, from: SocketAddr, data: Bytes) {
        self.path.datagram(now, component, from, data);
    }

    /// The next datagram to send, oldest first.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.path.poll_transmit()
    }

    /// The next event for the agent, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        let failure = |error: LegError| Event::Failed(CloseCause::Other(error.to_string().into()));
        self.path.poll_event().or_else(|| self.failed.take().map(failure))
    }

    /// Whether it is stopped and everything it had to send was taken.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        self.stopped && self.path.is_finished()
    }

    /// Goes on with these parameters; the first time, starts. Nothing happens after it was stopped.
    pub(super) fn start(&mut self, now: Instant, parameters: &Parameters, codecs: &Codecs, rate: SampleRate) {
        if self.stopped {
            return;
        }
        match self.code(parameters, codecs, rate) {
            Ok(parameters) => self.path.start(now, parameters),
            Err(error) => self.failed = Some(error),
        }
    }

    /// Makes ready to code what was agreed on, and gives back the parameters without the formats that no codec is built in for.
    fn code(&mut self, parameters: &Parameters, codecs: &Codecs, rate: SampleRate) -> Result<Parameters, LegError> {
        let mut parameters = parameters.clone();
        parameters.formats.retain(|format| codecs.find(format).is_some());
        if let Some(coding) = &mut self.coding
            && coding.parameters.formats == parameters.formats
            && coding.parameters.ptime == parameters.ptime
            && coding.parameters.comfort_noise == parameters.comfort_noise
            && coding.parameters.suppress_silence == parameters.suppress_silence
        {
            coding.parameters = parameters.clone();
        } else {
            self.coding = Some(Coding::new(parameters.clone(), codecs, rate)?);
        }
        Ok(parameters)
    }

    /// Codes for a mixer of another rate what was agreed on.
    pub(super) fn code_anew(&mut self, codecs: &Codecs, rate: SampleRate) {
        let Some(coding) = self.coding.take() else { return };
        match Coding::new(coding.parameters, codecs, rate) {
            Ok(coding) => self.coding = Some(coding),
            Err(error) => self.failed = Some(error),
        }
    }

    pub(super) fn send_dtmf(&mut self, now: Instant, digit: char, duration: std::time::Duration) {
        // What cannot be sent is not, and nobody is told: the peer may know no events, or the queue may be full.
        let _ = self.path.send_dtmf(now, digit, duration);
    }

    pub(super) fn stop(&mut self, now: Instant) {
        self.path.stop(now);
        self.coding = None;
        self.stopped = true;
    }

    /// Whether it produces and consumes: as the direction says while it is started and not held; muted, it does not produce.
    pub(super) fn roles(&self) -> Roles {
        match &self.coding {
            Some(Coding { parameters: Parameters { direction, .. }, .. }) if !self.held => {
                Roles { producer: direction.receives() && !self.muted, consumer: direction.sends() }
            }
            Some(_) | None => Roles::NONE,
        }
    }

    /// Plays what the path has for this tick; nobody hears it while the leg is held or muted.
    pub(super) fn receive(&mut self, now: Instant, frame: &mut [i16]) {
        self.path.timeout(now);
        let Some(coding) = &mut self.coding else { return };
        for _ in 0..MAX_PULLS {
            match self.path.pull(now) {
                Pull::Packet { payload, format, .. } => coding.playout.packet(format, &payload),
                Pull::Noise { payload, .. } => coding.playout.noise(&payload),
                Pull::Lost => coding.playout.lost(),
                Pull::Wait => break,
            }
        }
        coding.playout.fill(frame);
    }

    /// Sends what it hears in this tick: silence while it is held.
    pub(super) fn send(&mut self, now: Instant, frame: &[i16]) {
        let Some(coding) = &mut self.coding else { return };
        if coding.parameters.direction.sends() {
            coding.packetizer.frame(frame, |packet, duration| match packet {
                Packet::Audio(payload) => self.path.push(now, payload, duration),
                Packet::Noise(payload) => self.path.push_noise(now, payload, duration),
                Packet::Silence => self.path.skip(now, duration),
            });
        } else {
            self.path.skip(now, coding.packetizer.skip());
        }
    }
}

impl Coding {
    fn new(parameters: Parameters, codecs: &Codecs, rate: SampleRate) -> Result<Self, LegError> {
        let known = |format: &Format| Some((Arc::clone(codecs.find(format)?), format.clone()));
        let formats: Vec<_> = parameters.formats.iter().filter_map(known).collect();
        let (codec, format) = formats.first().ok_or(LegError::NoCodec)?;
        let noise = parameters.comfort_noise.map(|noise| noise.clock_rate);
        let mut packetizer = Packetizer::new(&**codec, format, parameters.ptime, rate)?;
        if let Some(clock_rate) = noise.filter(|rate| parameters.suppress_silence && *rate == format.clock_rate) {
            packetizer = packetizer.suppressing_silence(&**codec, clock_rate);
        }
        Ok(Self { codec: Arc::clone(codec), playout: Playout::new(&formats, noise, rate)?, packetizer, parameters })
    }
}
