//! The packet path of one stream (RFC 3550), sans-IO: what comes from the network goes in as datagrams and comes out as
//! frames to play; frames to send go in and come out as datagrams. The driver's media task and the simulator run it alike.
//!
//! ```text
//!  datagram ─► RTP or RTCP? ─► peer's? ─► sequence ─► reorder buffer ─► pull
//!                   │                         └─► DTMF ─► event
//!                   └─► reports, goodbyes ─► statistics
//!  push, skip, DTMF, reports ─────────────────────────────────────────► transmit
//!
//!  idle ── start ──► running ── stop ──► stopped
//!                                └─ in a crowd: leaving ── BYE ──┘
//! ```
//!
//! SRTP stands at two places: before the parsing of what came, and in front of the queue of what goes out. With it a
//! packet that does not prove to be the peer's moves nothing. ICE stands before everything, and owns the addresses.

mod control;
mod ice;
mod receive;
mod send;
mod source;
mod srtp;
mod watch;

use std::collections::VecDeque;
use std::net::SocketAddr;

use bytes::{Bytes, BytesMut};

use super::{Component, Event, Parameters, Setup, Statistics};
use crate::random::Random;
use crate::sdp::Direction;
use crate::time::{Instant, Utc, earliest};
use control::Control;
use ice::Connectivity;
use receive::Reader;
use send::Writer;
use source::Sources;
use srtp::Srtp;
use watch::Watch;

/// Datagrams that wait for the driver, and events that wait for the agent; what is beyond is shed, goodbyes and reports last.
const MAX_QUEUE: usize = 64;
/// Room in the queue that is kept for control packets.
const CONTROL_ROOM: usize = 8;
/// Bytes of the output buffer: some packets of 20 ms. It is used again when those written before are sent.
const BUFFER: usize = 2048;
/// A datagram for the driver to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Transmit {
    /// The local socket it leaves from.
    pub component: Component,
    /// Where to.
    pub to: SocketAddr,
    /// Its bytes.
    pub data: Bytes,
}

/// What there is to play at a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pull {
    /// The next frame, in order.
    Packet {
        /// The encoded frame.
        payload: Bytes,
        /// Its format: an index into [`Parameters::formats`].
        format: usize,
        /// Its timestamp, in units of the format's clock.
        timestamp: u32,
        /// Whether a talk-spurt begins with it.
        marker: bool,
    },
    /// The peer is silent from here on, and describes the noise to be heard meanwhile (RFC 3389).
    Noise {
        /// The description.
        payload: Bytes,
        /// Its timestamp, in units of the clock of comfort noise.
        timestamp: u32,
    },
    /// The next frame is lost: conceal it.
    Lost,
    /// Nothing is due.
    Wait,
}

/// Why a digit is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DtmfError {
    /// The character names no key.
    #[error("{0:?} is no DTMF digit")]
    NotADigit(char),
    /// The peer knows no RFC 4733 events.
    #[error("telephone events are not negotiated")]
    NotNegotiated,
    /// The path has not started, or its direction does not send.
    #[error("nothing is sent on this stream")]
    NotSending,
    /// Too many digits wait already.
    #[error("too many digits are waiting")]
    QueueFull,
}

/// Where a path is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    /// ICE seeks a way.
    Connecting,
    Running,
    /// The BYE waits for its turn.
    Leaving,
    Stopped,
}

/// One stream's packet path.
///
/// The driver hands in what its sockets receive, drains [`Path::poll_transmit`] and [`Path::poll_event`] after each call,
/// and calls [`Path::timeout`] when [`Path::deadline`] has come; late and early calls are harmless. Frames come and go at
/// the pace of the sound: [`Path::push`] or [`Path::skip`] for each one recorded, [`Path::pull`] until it says `Wait`
/// for those to play. `Failed` is told by who owns the sockets; all other [events](Event) come from here.
///
/// ```
/// use sipsimple_core::media::{Component, Event, Parameters, Path, Pull, Setup};
/// use sipsimple_core::random::Seed;
/// use sipsimple_core::time::{Instant, Utc};
///
/// # fn example(setup: &Setup, parameters: Parameters, receiving: &Setup, received: Parameters) {
/// // `parameters` say where the other path is, and `received` what this one sends.
/// let utc = Utc { unix_millis: 1_700_000_000_000 };
/// let mut alice = Path::new(setup, Instant::ZERO, utc);
/// let mut bob = Path::new(receiving, Instant::ZERO, utc);
/// alice.start(Instant::ZERO, parameters);
/// bob.start(Instant::ZERO, received);
/// for tick in 0..50 {
///     let now = Instant::from_millis(tick * 20);
///     alice.push(now, &[0xff; 160], 160);
///     while let Some(transmit) = alice.poll_transmit() {
///         bob.datagram(now, transmit.component, "192.0.2.1:4000".parse().unwrap(), transmit.data);
///     }
///     while let Pull::Packet { payload, .. } = bob.pull(now) {
///         assert_eq!(payload.len(), 160);
///     }
/// }
/// assert_eq!(bob.statistics().rx.packets, 50);
/// # }
/// ```
#[derive(Debug)]
pub struct Path {
    state: State,
    /// What the two sides agreed on.
    agreed: Parameters,
    /// The same, with the addresses that ICE found.
    parameters: Parameters,
    connectivity: Option<Box<Connectivity>>,
    random: Random,
    sources: Sources,
    reader: Reader,
    writer: Writer,
    control: Control,
    srtp: Option<Box<Srtp>>,
    watch: Watch,
    statistics: Statistics,
    /// Output is written here and split off.
    buffer: BytesMut,
    transmits: VecDeque<Transmit>,
    events: VecDeque<Event>,
}

impl Path {
    /// A path that does nothing until it is started. Everything random comes from the seed in `setup`; `utc` is the time at `now`, for RTCP.
    #[must_use]
    pub fn new(setup: &Setup, now: Instant, utc: Utc) -> Self {
        let mut random = Random::new(&setup.seed);
        let nothing = Parameters {
            remote_rtp: None,
            remote_rtcp: None,
            direction: Direction::Inactive,
            formats: Vec::new(),
            telephone_event: None,
            comfort_noise: None,
            suppress_silence: false,
            ptime: 0,
            symmetric: false,
            timeout: None,
            srtp: None,
            ice: None,
        };
        let connectivity = setup.ice.as_ref().map(|ice| Box::new(Connectivity::new(ice, &random.seed())));
        Self {
            state: State::Idle,
            agreed: nothing.clone(),
            parameters: nothing,
            connectivity,
            sources: Sources::new(),
            reader: Reader::default(),
            writer: Writer::new(&mut random, setup.ssrc, now),
            control: Control::new(&mut random, setup.cname.clone(), now, utc),
            random,
            srtp: None,
            watch: Watch::default(),
            statistics: Statistics::default(),
            buffer: BytesMut::with_capacity(BUFFER),
            transmits: VecDeque::new(),
            events: VecDeque::new(),
        }
    }

    /// Packets may flow. Tells [`Event::Started`]. A second start is an [update](Path::update); after [`Path::stop`] it does nothing.
    pub fn start(&mut self, now: Instant, parameters: Parameters) {
        match self.state {
            State::Idle => {
                if self.seek(now, &parameters) {
                    self.state = State::Connecting;
                    self.connect(now);
                } else {
                    self.run(now, parameters);
                }
            }
            State::Connecting | State::Running => self.update(now, parameters),
            State::Leaving | State::Stopped => {}
        }
    }

    fn run(&mut self, now: Instant, parameters: Parameters) {
        self.state = State::Running;
        self.control.join(now, &mut self.random);
        self.apply(now, parameters);
        self.event(Event::Started);
    }

    /// A negotiation has ended with these parameters: the latch of symmetric RTP may move again. Does nothing before [`Path::start`] and after [`Path::stop`].
    pub fn update(&mut self, now: Instant, parameters: Parameters) {
        match self.state {
            State::Connecting => {
                self.seek(now, &parameters);
                self.connect(now);
            }
            State::Running => {
                if self.restarts(&parameters) {
                    self.seek(now, &parameters);
                }
                self.apply(now, parameters);
                self.connect(now);
            }
            State::Idle | State::Leaving | State::Stopped => {}
        }
    }

    fn apply(&mut self, now: Instant, mut parameters: Parameters) {
        self.agreed = parameters.clone();
        if let Some(connectivity) = &self.connectivity {
            connectivity.redirect(&mut parameters);
        }
        let receives = parameters.direction.receives();
        self.sources.negotiated(now, parameters.remote_rtp);
        self.control.negotiated(parameters.remote_rtcp);
        self.watch.set(now, parameters.timeout.filter(|_| receives));
        self.srtp = Srtp::negotiated(self.srtp.take(), parameters.srtp.as_deref());
        self.parameters = parameters;
        self.reader.negotiated(&self.parameters);
        self.writer.negotiated(&self.parameters);
    }

    /// Ends the stream: what waits to be played or to be keyed is forgotten, RTCP BYE is sent, and the statistics are told a last time.
    ///
    /// With fifty and more members in the session the BYE waits for its turn (RFC 3550 section 6.3.7): until [`Path::is_finished`] the driver may go on, or drop the path and leave without.
    pub fn stop(&mut self, now: Instant) {
        match self.state {
            State::Idle | State::Connecting => self.state = State::Stopped,
            State::Running => {
                self.reader.reset();
                self.writer.dtmf.clear();
                self.state = if self.leave(now) { State::Stopped } else { State::Leaving };
                self.tell_statistics();
            }
            State::Leaving | State::Stopped => {}
        }
        if let Some(connectivity) = &mut self.connectivity {
            connectivity.endpoint.release(now);
            self.connect(now);
        }
    }

    /// Whether the path is stopped and has nothing more to send.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        let gave_back = self.connectivity.as_ref().is_none_or(|connectivity| connectivity.endpoint.is_finished());
        self.state == State::Stopped && self.transmits.is_empty() && gave_back
    }

    /// Does what is due at `now`.
    pub fn timeout(&mut self, now: Instant) {
        if let Some(connectivity) = &mut self.connectivity {
            connectivity.endpoint.timeout(now);
            self.connect(now);
        }
        match self.state {
            State::Running => {
                self.key(now);
                self.report_if_due(now);
                if let Some(got_any) = self.watch.expire(now, self.reader.is_silent()) {
                    self.event(Event::NoRtp { got_any });
                }
            }
            State::Leaving => self.leave_if_due(now),
            State::Idle | State::Connecting | State::Stopped => {}
        }
    }

    /// When [`Path::timeout`] is next wanted; `None` while nothing is pending. Frames to be pulled are no timers: they wait for the sound.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        let own = match self.state {
            State::Running => {
                earliest(earliest(self.writer.dtmf.deadline(), self.watch.deadline()), Some(self.control.due()))
            }
            State::Leaving => Some(self.control.due()),
            State::Idle | State::Connecting | State::Stopped => None,
        };
        earliest(own, self.connectivity.as_ref().and_then(|connectivity| connectivity.endpoint.deadline()))
    }

    /// The next datagram to send, oldest first.
    #[must_use]
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// The next event, oldest first.
    #[must_use]
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// The counters so far.
    #[must_use]
    pub const fn statistics(&self) -> &Statistics {
        &self.statistics
    }

    /// The synchronisation source of the packets sent from now on. It differs from that in the setup after a collision.
    #[must_use]
    pub const fn ssrc(&self) -> u32 {
        self.writer.ssrc
    }

    fn event(&mut self, event: Event) {
        if self.events.len() < MAX_QUEUE {
            self.events.push_back(event);
        }
    }

    /// Queues a report, in place of one that still waits.
    fn tell_statistics(&mut self) {
        self.events.retain(|event| !matches!(event, Event::Stats(_)));
        self.events.push_back(Event::Stats(Box::new(self.statistics.clone())));
    }

    /// Queues what was written to the buffer, if there is room and it may be sent.
    fn transmit(&mut self, now: Instant, component: Component, to: SocketAddr, room: usize) -> bool {
        let fits = self.transmits.len() < room && self.srtp.as_mut().is_none_or(|srtp| srtp.seal(&mut self.buffer));
        let data = self.buffer.split().freeze();
        fits && self.carry(now, component, to, data)
    }
}

#[cfg(test)]
mod tests;
