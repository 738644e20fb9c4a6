//! The media paths of a host.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_audio::engine::{AudioEvent, Engine, EngineConfig, PortId};
use sipsimple_audio::port::{AudioPort, Capture, Roles};
use sipsimple_audio::tone;
use sipsimple_core::id::StreamId;
use sipsimple_core::media::{Candidate, Command, Component, Event, Path, Transmit};
use sipsimple_core::time::{Instant, Utc};

/// How the media paths of a host are run.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum Mode {
    /// Not at all: commands are answered as if they were.
    #[default]
    Answered,
    /// The core's packet paths run, without sound: RTCP and DTMF flow.
    Paths,
    /// An audio engine runs: this host's parties hear a sine of so many hertz, and what they send is kept.
    Sound {
        /// The frequency.
        hertz: f64,
        /// How many samples of a call are kept.
        keep: usize,
    },
}

/// The time between two ticks of an engine.
const TICK: Duration = Duration::from_millis(20);

/// The level of the sine, in dB relative to a full-scale sine.
pub const LEVEL: f64 = -12.0;

/// The media paths of a host.
pub struct Media {
    mode: Mode,
    next_port: u16,
    streams: BTreeMap<StreamId, Stream>,
    ports: BTreeMap<u16, (StreamId, Component)>,
    /// The streams that may have something to send or to tell.
    touched: BTreeSet<StreamId>,
    deadlines: BTreeSet<(Instant, StreamId)>,
    engine: Option<Box<Engine>>,
    audio: Vec<AudioEvent>,
    heard: BTreeMap<StreamId, Vec<i16>>,
}

#[derive(Debug)]
struct Stream {
    rtp: SocketAddr,
    rtcp: SocketAddr,
    run: Run,
    deadline: Option<Instant>,
}

#[derive(Debug)]
enum Run {
    Answered,
    Path(Box<Path>),
    Leg { capture: Option<PortId>, sine: Option<PortId> },
}

/// A datagram of a media path, and the address it leaves from.
pub type Outgoing = (SocketAddr, Transmit);

impl fmt::Debug for Media {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Media").field("streams", &self.streams).finish_non_exhaustive()
    }
}

impl Media {
    pub(crate) fn new(mode: Mode) -> Self {
        let engine = match mode {
            Mode::Sound { .. } => Some(Box::new(Engine::new(EngineConfig::default()))),
            Mode::Answered | Mode::Paths => None,
        };
        Self {
            mode,
            next_port: 0,
            streams: BTreeMap::new(),
            ports: BTreeMap::new(),
            touched: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            engine,
            audio: Vec::new(),
            heard: BTreeMap::new(),
        }
    }

    /// Does what the agent commands; tells what follows from it at once. The rest comes by [`poll`](Self::poll).
    ///
    /// # Panics
    /// When a stream is prepared twice, or commanded without being prepared, or after its stop.
    pub fn command(&mut self, now: Instant, utc: Utc, stream: StreamId, command: &Command) -> Option<Event> {
        if let Command::Prepare(setup) = command {
            assert!(!self.streams.contains_key(&stream), "{stream} is prepared twice");
            let port = self.free_ports();
            let (rtp, rtcp) = (SocketAddr::new(setup.local, port), SocketAddr::new(setup.local, port + 1));
            let run = match (self.mode, &mut self.engine) {
                (Mode::Sound { .. }, Some(engine)) => {
                    engine.add_leg(stream, setup, now, utc).expect("the mixer has room");
                    Run::Leg { capture: None, sine: None }
                }
                (Mode::Paths, _) => Run::Path(Box::new(Path::new(setup, now, utc))),
                _ => Run::Answered,
            };
            self.ports.insert(port, (stream, Component::Rtp));
            self.ports.insert(port + 1, (stream, Component::Rtcp));
            let candidates = vec![
                Candidate { component: Component::Rtp, address: rtp },
                Candidate { component: Component::Rtcp, address: rtcp },
            ];
            let known = self.streams.entry(stream).or_insert(Stream { rtp, rtcp, run, deadline: None });
            self.touched.insert(stream);
            match (&mut known.run, &mut self.engine) {
                (Run::Path(path), _) => path.bound(now, candidates),
                (Run::Leg { .. }, Some(engine)) => {
                    engine.leg_mut(stream).expect("it was added").bound(now, candidates);
                }
                _ => return Some(Event::Ready { candidates }),
            }
            return None;
        }
        self.touched.insert(stream);
        let known = self.streams.get_mut(&stream).expect("only prepared streams are commanded");
        match (&mut known.run, command) {
            (Run::Answered, Command::Start(_)) => return Some(Event::Started),
            (Run::Answered, Command::Stop) => self.forget(stream),
            (Run::Answered, _) => {}
            (Run::Path(path), Command::Start(parameters)) => path.start(now, parameters.clone()),
            (Run::Path(path), Command::Update(parameters)) => path.update(now, parameters.clone()),
            // What cannot be sent is not: the peer may know no events, or the queue may be full.
            (Run::Path(path), Command::SendDtmf { digit, duration }) => drop(path.send_dtmf(now, *digit, *duration)),
            (Run::Path(path), Command::Stop) => path.stop(now),
            (Run::Path(_), _) => {}
            (Run::Leg { .. }, Command::Stop) => {
                self.keep(stream);
                self.engine_mut().command(now, stream, command);
            }
            (Run::Leg { capture, sine }, _) => {
                let first = capture.is_none();
                if let (true, Some(engine), Mode::Sound { hertz, keep }, Command::Start(_)) =
                    (first, &mut self.engine, self.mode, command)
                {
                    let leg = engine.leg(stream).map(sipsimple_audio::engine::Leg::port).expect("it is prepared");
                    let heard = engine.add_port(Capture::new(keep)).expect("the mixer has room");
                    let spoken = engine.add_port(Sine::new(hertz)).expect("the mixer has room");
                    engine.connect(leg, heard).expect("both are there");
                    engine.connect(spoken, leg).expect("both are there");
                    (*capture, *sine) = (Some(heard), Some(spoken));
                }
                self.engine_mut().command(now, stream, command);
            }
        }
        None
    }

    fn engine_mut(&mut self) -> &mut Engine {
        self.engine.as_mut().expect("legs are in an engine")
    }

    /// Takes what a stream has heard out of the engine.
    fn keep(&mut self, stream: StreamId) {
        let Some(Stream { run: Run::Leg { capture, sine }, .. }) = self.streams.get_mut(&stream) else { return };
        let (Some(engine), Some(heard), Some(spoken)) = (&mut self.engine, capture.take(), sine.take()) else { return };
        if let Some(capture) = engine.port::<Capture>(heard) {
            self.heard.insert(stream, capture.samples().to_vec());
        }
        engine.remove_port(heard);
        engine.remove_port(spoken);
    }

    /// The audio engine, where there is sound.
    #[must_use]
    pub fn engine(&self) -> Option<&Engine> {
        self.engine.as_deref()
    }

    /// What the engine has told.
    #[must_use]
    pub fn audio_events(&self) -> &[AudioEvent] {
        &self.audio
    }

    /// What a stream that has ended heard.
    #[must_use]
    pub fn heard(&self, stream: StreamId) -> Option<&[i16]> {
        self.heard.get(&stream).map(Vec::as_slice)
    }

    fn free_ports(&mut self) -> u16 {
        loop {
            let port = 50_000 + self.next_port * 2;
            self.next_port = (self.next_port + 1) % 7_000;
            if !self.ports.contains_key(&port) {
                return port;
            }
        }
    }

    /// From now on a stream's sockets are at these ports: RTP's and RTCP's.
    ///
    /// # Panics
    /// When there is no such stream.
    pub fn move_to(&mut self, stream: StreamId, [rtp, rtcp]: [u16; 2]) {
        let known = self.streams.get_mut(&stream).expect("only prepared streams move");
        for (socket, port, component) in
            [(&mut known.rtp, rtp, Component::Rtp), (&mut known.rtcp, rtcp, Component::Rtcp)]
        {
            self.ports.remove(&socket.port());
            socket.set_port(port);
            self.ports.insert(port, (stream, component));
        }
    }

    fn forget(&mut self, stream: StreamId) {
        if let Some(Stream { rtp, rtcp, deadline, .. }) = self.streams.remove(&stream) {
            if let Some(at) = deadline {
                self.deadlines.remove(&(at, stream));
            }
            self.ports.remove(&rtp.port());
            self.ports.remove(&rtcp.port());
        }
    }

    /// Whether this is the port of a media socket.
    #[must_use]
    pub fn is_bound(&self, port: u16) -> bool {
        self.ports.contains_key(&port)
    }

    /// A datagram came to one of the ports.
    pub fn datagram(&mut self, now: Instant, port: u16, from: SocketAddr, data: Bytes) {
        let Some(&(stream, component)) = self.ports.get(&port) else { return };
        self.touched.insert(stream);
        match self.streams.get_mut(&stream).map(|stream| &mut stream.run) {
            Some(Run::Path(path)) => path.datagram(now, component, from, data),
            Some(Run::Leg { .. }) => self.engine_mut().datagram(now, stream, component, from, data),
            Some(Run::Answered) | None => {}
        }
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self, now: Instant) -> Option<Instant> {
        match self.mode {
            Mode::Answered => None,
            Mode::Paths => self.deadlines.first().map(|(at, _)| *at),
            Mode::Sound { .. } if self.streams.is_empty() => None,
            Mode::Sound { .. } => {
                let tick = u64::try_from(TICK.as_nanos()).unwrap_or(u64::MAX);
                Some(Instant::from_nanos((now.as_nanos() / tick + 1) * tick))
            }
        }
    }

    /// Does what is due.
    pub fn timeout(&mut self, now: Instant) {
        match self.mode {
            Mode::Answered => {}
            Mode::Paths => {
                while let Some((at, stream)) = self.deadlines.first().copied()
                    && at <= now
                {
                    self.deadlines.pop_first();
                    self.touched.insert(stream);
                    if let Some(Stream { run: Run::Path(path), deadline, .. }) = self.streams.get_mut(&stream) {
                        *deadline = None;
                        path.timeout(now);
                    }
                }
            }
            Mode::Sound { .. } => {
                self.touched.extend(self.streams.keys());
                if let Some(engine) = &mut self.engine {
                    engine.tick(now);
                    self.audio.extend(std::iter::from_fn(|| engine.poll_event()));
                }
            }
        }
    }

    /// What the paths want to send and to tell; those that have ended are forgotten.
    pub fn poll(&mut self, sent: &mut Vec<Outgoing>, told: &mut Vec<(StreamId, Event)>) {
        if self.mode == Mode::Answered {
            return;
        }
        for id in std::mem::take(&mut self.touched) {
            let Some(stream) = self.streams.get_mut(&id) else { continue };
            let mut finished = false;
            let (rtp, rtcp) = (stream.rtp, stream.rtcp);
            let from = |transmit: &Transmit| if transmit.component == Component::Rtp { rtp } else { rtcp };
            match (&mut stream.run, &mut self.engine) {
                (Run::Path(path), _) => {
                    while let Some(transmit) = path.poll_transmit() {
                        sent.push((from(&transmit), transmit));
                    }
                    while let Some(event) = path.poll_event() {
                        told.push((id, event));
                    }
                    finished = path.is_finished();
                    let deadline = std::mem::replace(&mut stream.deadline, path.deadline());
                    if deadline != stream.deadline {
                        if let Some(at) = deadline {
                            self.deadlines.remove(&(at, id));
                        }
                        if let Some(at) = stream.deadline {
                            self.deadlines.insert((at, id));
                        }
                    }
                }
                (Run::Leg { .. }, Some(engine)) => {
                    let Some(leg) = engine.leg_mut(id) else { continue };
                    while let Some(transmit) = leg.poll_transmit() {
                        sent.push((from(&transmit), transmit));
                    }
                    while let Some(event) = leg.poll_event() {
                        told.push((id, event));
                    }
                    if leg.is_finished() {
                        engine.remove_leg(id);
                        finished = true;
                    }
                }
                _ => {}
            }
            if finished {
                self.forget(id);
            }
        }
    }

    /// Whether every path was stopped.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }
}

/// A sine without end, of a whole number of periods in a second.
#[derive(Debug)]
struct Sine {
    second: Vec<i16>,
    at: usize,
}

impl Sine {
    fn new(hertz: f64) -> Self {
        Self { second: tone::sine(hertz, LEVEL, 8_000, 8_000), at: 0 }
    }
}

impl AudioPort for Sine {
    fn roles(&self) -> Roles {
        Roles::PRODUCER
    }

    fn produce(&mut self, frame: &mut [i16]) {
        for sample in frame {
            *sample = self.second[self.at];
            self.at = (self.at + 1) % self.second.len();
        }
    }
}
