//! What comes in: datagrams to frames and digits.

use std::net::SocketAddr;

use bytes::Bytes;

use super::source::{Current, Sources, Taken};
use super::{Path, Pull, State};
use crate::media::{Component, Event, Parameters};
use crate::rtp::dtmf::{Digit, Receiver};
use crate::rtp::jitter::{self, Buffer, Insert};
use crate::rtp::{Arrival, Header, Packet, is_rtcp};
use crate::time::Instant;

/// A frame that waits to be played.
#[derive(Debug)]
struct Frame {
    payload: Bytes,
    payload_type: u8,
    timestamp: u32,
    marker: bool,
}

/// What a payload type stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// A format, by its clock rate.
    Media(u32),
    /// Comfort noise, by its clock rate.
    Noise(u32),
    /// Telephone events, by the clock rate of the stream they are in.
    Event(u32),
    /// Not negotiated.
    Unknown,
}

/// What was received and is not yet pulled.
#[derive(Debug)]
pub(super) struct Reader {
    buffer: Buffer<Frame>,
    dtmf: Receiver,
    /// The clock rates that the receiver of events knows.
    rates: (u32, u32),
    /// Whether frames and digits are handed on.
    receives: bool,
    /// Where the last source was heard.
    source: Option<SocketAddr>,
    /// The number of the newest packet, and whether it was comfort noise.
    newest: Option<(u64, bool)>,
    /// Packets that earlier sources, or runs of numbers, never brought.
    lost_before: u64,
}

impl Default for Reader {
    fn default() -> Self {
        Self {
            buffer: Buffer::default(),
            dtmf: Receiver::new(0, 0),
            rates: (0, 0),
            receives: false,
            source: None,
            newest: None,
            lost_before: 0,
        }
    }
}

impl Reader {
    pub(super) fn negotiated(&mut self, parameters: &Parameters) {
        self.receives = parameters.direction.receives();
        if !self.receives {
            self.reset();
        }
        let media = media_rate(parameters);
        let rates = (parameters.telephone_event.map_or(media, |event| event.clock_rate), media);
        if rates != self.rates {
            self.rates = rates;
            self.forget_events();
        }
    }

    /// Forgets what waits to be played.
    pub(super) fn reset(&mut self) {
        self.buffer.reset();
        self.newest = None;
    }

    /// Whether the last that the peer sent was comfort noise: it may send nothing more until it speaks.
    pub(super) fn is_silent(&self) -> bool {
        self.newest.is_some_and(|(_, is_noise)| is_noise)
    }

    fn note(&mut self, number: u64, is_noise: bool) {
        if self.newest.is_none_or(|(newest, _)| newest < number) {
            self.newest = Some((number, is_noise));
        }
    }

    fn forget_events(&mut self) {
        self.dtmf = Receiver::new(self.rates.0, self.rates.1);
    }
}

impl Path {
    /// A datagram came on the socket of this component. RTCP may come on either (RFC 5761); what is not the peer's, or no valid packet, is dropped and counted.
    pub fn datagram(&mut self, now: Instant, component: Component, from: SocketAddr, data: Bytes) {
        let Some((from, data)) = self.sift(now, component, from, data) else { return };
        if matches!(self.state, State::Idle | State::Connecting | State::Stopped) {
            return self.drop_received();
        }
        let opened = match &mut self.srtp {
            Some(srtp) => srtp.open(now, &data),
            None => Some(data),
        };
        let Some(data) = opened else { return self.drop_received() };
        let control = component == Component::Rtcp || is_rtcp(&data);
        match self.state {
            State::Running | State::Leaving if control => self.control_datagram(now, component, from, data),
            State::Running => self.media_datagram(now, from, data),
            State::Idle | State::Connecting | State::Leaving | State::Stopped => self.drop_received(),
        }
    }

    /// What there is to play now. To be called until it says `Wait`: see [`jitter::Buffer::pull`] on what is told as lost.
    pub fn pull(&mut self, now: Instant) -> Pull {
        loop {
            return match self.reader.buffer.pull(now) {
                jitter::Pull::Frame(Frame { payload, payload_type, timestamp, marker }) => {
                    let formats = &self.parameters.formats;
                    let noise = self.parameters.comfort_noise.map(|noise| noise.receive_payload);
                    match formats.iter().position(|format| format.receive_payload == payload_type) {
                        Some(format) => Pull::Packet { payload, format, timestamp, marker },
                        None if noise == Some(payload_type) => Pull::Noise { payload, timestamp },
                        // A frame that came before its format was given up has no decoder any more.
                        None => continue,
                    }
                }
                jitter::Pull::Lost => Pull::Lost,
                jitter::Pull::Wait => Pull::Wait,
            };
        }
    }

    pub(super) fn drop_received(&mut self) {
        self.statistics.rx.discarded += 1;
    }

    fn media_datagram(&mut self, now: Instant, from: SocketAddr, data: Bytes) {
        let Ok(packet) = Packet::parse(data) else { return self.drop_received() };
        let trusted = self.sources.trusts(from);
        if packet.header.ssrc == self.writer.ssrc {
            if trusted {
                self.collision(now, Component::Rtp, from);
            }
            // Whoever has our SSRC is heard when we have taken another; who has that too only sends back what we send.
            let reflected = trusted && packet.header.ssrc == self.writer.ssrc && self.sources.is_reflected();
            if !reflected {
                return self.drop_received();
            }
        } else if trusted {
            self.sources.is_not_reflected();
        }
        if self.sources.hears(from, packet.header.ssrc) {
            return self.follow(now, packet);
        }
        // Packets on probation count as dropped until their source has proved itself.
        self.drop_received();
        if self.kind(&packet.header) != Kind::Unknown
            && let Some(taken) = self.sources.prove(now, from, packet)
        {
            self.take(now, from, taken);
        }
    }

    /// A source proved itself: it is heard, with the packets that were held.
    fn take(&mut self, now: Instant, from: SocketAddr, taken: Taken) {
        let Taken { held, packet, number, before } = taken;
        let run = held.into_iter().flatten().chain([packet]);
        let count = u64::try_from(run.clone().count()).unwrap_or(0);
        self.statistics.rx.discarded = self.statistics.rx.discarded.saturating_sub(count);
        if let Some(before) = before {
            self.reader.lost_before += before.sequence().missing();
        }
        if self.reader.source.replace(from) != Some(from) {
            self.event(Event::Source(from));
        }
        match number {
            Some(last) => {
                self.reader.reset();
                self.reader.forget_events();
                // The numbers of a run are consecutive, and the last is known.
                for (packet, behind) in run.zip((0..count).rev()) {
                    self.accept(now, packet, last - behind);
                }
            }
            None => run.for_each(|packet| self.follow(now, packet)),
        }
    }

    /// A packet of the source that is heard: looks at its number.
    fn follow(&mut self, now: Instant, packet: Packet) {
        let Some(current) = &mut self.sources.current else { return self.drop_received() };
        let missing = current.reception.sequence().missing();
        let known = kind(&self.parameters, &packet.header) != Kind::Unknown;
        match current.reception.arrived(packet.header.sequence) {
            Arrival::Newer { number, skipped } => {
                self.sources.count(now, known && skipped == 0);
                self.accept(now, packet, number);
            }
            Arrival::Older { number } => {
                self.sources.count(now, false);
                self.statistics.rx.reordered += 1;
                self.accept(now, packet, number);
            }
            Arrival::Proven { number } => self.accept(now, packet, number),
            Arrival::Restarted { number } => {
                self.reader.lost_before += missing;
                self.reader.reset();
                self.sources.count(now, false);
                self.accept(now, packet, number);
            }
            Arrival::Duplicate => {
                self.statistics.rx.duplicate += 1;
                self.count_received(now, &packet);
            }
            Arrival::Suspect | Arrival::Unproven { .. } => self.drop_received(),
        }
    }

    fn count_received(&mut self, now: Instant, packet: &Packet) {
        self.watch.heard();
        let rx = &mut self.statistics.rx;
        rx.packets += 1;
        rx.bytes += u64::try_from(packet.payload.len()).unwrap_or(0);
        let missing = self.sources.current.as_ref().map_or(0, |current| current.reception.sequence().missing());
        rx.lost = self.reader.lost_before + missing;
        self.control.members.sent(now, packet.header.ssrc);
        for csrc in packet.csrcs.iter().filter(|csrc| *csrc != self.writer.ssrc) {
            self.control.members.heard(now, csrc);
        }
    }

    /// A valid packet that came for the first time.
    fn accept(&mut self, now: Instant, packet: Packet, number: u64) {
        self.count_received(now, &packet);
        let Packet { header, payload, .. } = packet;
        let kind = self.kind(&header);
        if let Kind::Media(clock_rate) | Kind::Noise(clock_rate) | Kind::Event(clock_rate) = kind
            && let Sources { current: Some(Current { reception, .. }), .. } = &mut self.sources
        {
            reception.timed(now, header.timestamp, clock_rate);
            self.statistics.rx.jitter = reception.jitter();
        }
        if !self.reader.receives {
            return;
        }
        self.reader.note(number, matches!(kind, Kind::Noise(_)));
        match kind {
            Kind::Media(clock_rate) | Kind::Noise(clock_rate) if !payload.is_empty() => {
                let Header { payload_type, timestamp, marker, .. } = header;
                let frame = Frame { payload, payload_type, timestamp, marker };
                match self.reader.buffer.insert(now, number, timestamp, clock_rate, frame) {
                    Insert::Kept => {}
                    Insert::Late | Insert::Shed => self.drop_received(),
                }
            }
            Kind::Media(_) | Kind::Noise(_) => self.reader.buffer.pass_over(now, number),
            Kind::Event(_) => {
                self.reader.buffer.pass_over(now, number);
                let events = &mut self.events;
                self.reader.dtmf.packet(header.timestamp, header.marker, &payload, |digit: Digit| {
                    if events.len() < super::MAX_QUEUE {
                        events.push_back(Event::Dtmf { digit: digit.as_char() });
                    }
                });
            }
            Kind::Unknown => {
                self.drop_received();
                self.reader.buffer.pass_over(now, number);
            }
        }
    }

    fn kind(&self, header: &Header) -> Kind {
        kind(&self.parameters, header)
    }
}

fn kind(parameters: &Parameters, header: &Header) -> Kind {
    let format = parameters.formats.iter().find(|format| format.receive_payload == header.payload_type);
    let event = || parameters.telephone_event.filter(|event| event.receive_payload == header.payload_type);
    let noise = || parameters.comfort_noise.filter(|noise| noise.receive_payload == header.payload_type);
    match format {
        Some(format) => Kind::Media(format.clock_rate),
        None if let Some(noise) = noise() => Kind::Noise(noise.clock_rate),
        None if event().is_some() => Kind::Event(media_rate(parameters)),
        None => Kind::Unknown,
    }
}

/// The clock rate of the timestamps of the stream.
fn media_rate(parameters: &Parameters) -> u32 {
    parameters.formats.first().map_or(8000, |format| format.clock_rate)
}

#[cfg(test)]
impl Path {
    /// Packets that wait to be played.
    pub(super) fn reader_len(&self) -> usize {
        self.reader.buffer.len()
    }
}
