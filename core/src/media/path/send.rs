//! What goes out: frames, and digits in their place.

use std::time::Duration;

use bytes::BufMut;

use super::{DtmfError, MAX_QUEUE, Path, State};
use crate::media::{Component, Parameters};
use crate::random::Random;
use crate::rtp::Header;
use crate::rtp::dtmf::{self, Digit, EventPacket, Pace};
use crate::rtp::packet::HEADER_LEN;
use crate::time::Instant;

/// Time between two reports of an event when the parameters say nothing about packets (RFC 3551 section 4.2).
const DEFAULT_INTERVAL: Duration = Duration::from_millis(20);
/// The least time between two reports, whatever the peer asks for, in ms.
const MIN_INTERVAL: u32 = 10;
/// The most, in ms: what RFC 4733 section 2.5.1.2 recommends.
const MAX_INTERVAL: u32 = 50;

/// The sender of RTP packets.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) ssrc: u32,
    pub(super) dtmf: dtmf::Sender,
    sequence: u16,
    /// The timestamp of the next frame, which begins where the one before ended: at `at`.
    timestamp: u32,
    at: Instant,
    clock_rate: u32,
    /// Time between two reports of an event.
    interval: Duration,
    /// Whether the next frame begins a talk-spurt.
    spurt: bool,
    /// When the last packet was sent.
    pub(super) sent_at: Option<Instant>,
    /// Packets and payload bytes sent under this SSRC, modulo 2^32.
    pub(super) packets: u32,
    pub(super) octets: u32,
}

impl Writer {
    /// Sequence numbers start in the lower half, so that a loss of the first ones does not hide a cycle (RFC 3711 section 3.3.1); both they and the timestamps start at random (RFC 3550 section 5.1).
    pub(super) fn new(random: &mut Random, ssrc: u32, now: Instant) -> Self {
        Self {
            ssrc,
            dtmf: dtmf::Sender::new(Pace { interval: DEFAULT_INTERVAL, clock_rate: 8000, media_clock_rate: 8000 }),
            sequence: random.u16() >> 1,
            timestamp: random.u32(),
            at: now,
            clock_rate: 8000,
            interval: DEFAULT_INTERVAL,
            spurt: true,
            sent_at: None,
            packets: 0,
            octets: 0,
        }
    }

    pub(super) fn negotiated(&mut self, parameters: &Parameters) {
        if let Some(format) = parameters.formats.first() {
            self.clock_rate = format.clock_rate.max(1);
        }
        self.interval = match parameters.ptime {
            0 => DEFAULT_INTERVAL,
            ptime => Duration::from_millis(u64::from(ptime.clamp(MIN_INTERVAL, MAX_INTERVAL))),
        };
        match parameters.telephone_event {
            Some(event) if sends(parameters) => self.dtmf.set_pace(Pace {
                interval: self.interval,
                clock_rate: event.clock_rate.max(1),
                media_clock_rate: self.clock_rate,
            }),
            _ => self.dtmf.clear(),
        }
        self.spurt |= !sends(parameters);
    }

    /// Where the media's clock stands at `now`.
    pub(super) fn timestamp_at(&self, now: Instant) -> u32 {
        let units = (now - self.at).as_nanos() * u128::from(self.clock_rate) / 1_000_000_000;
        self.timestamp.wrapping_add(u32::try_from(units & u128::from(u32::MAX)).unwrap_or(0))
    }

    /// The time of so many units of the media's clock.
    pub(super) fn duration(&self, units: u32) -> Duration {
        Duration::from_nanos(u64::from(units) * 1_000_000_000 / u64::from(self.clock_rate))
    }

    fn advance(&mut self, now: Instant, samples: u32) {
        self.timestamp = self.timestamp.wrapping_add(samples);
        self.at = now;
    }

    /// Moves the media's clock on by the time, when no frames have moved it for a while.
    fn settle(&mut self, now: Instant) {
        if now - self.at > self.interval * 5 {
            self.timestamp = self.timestamp_at(now);
            self.at = now;
        }
    }

    /// Starts to count under another SSRC.
    pub(super) fn rename(&mut self, ssrc: u32) {
        self.ssrc = ssrc;
        (self.packets, self.octets, self.sent_at) = (0, 0, None);
    }
}

impl Path {
    /// Sends one encoded frame of `samples` units of the RTP clock, in the first of the formats.
    ///
    /// It is not sent when the direction does not send, when there is nowhere to send, or while a digit is sent in its place; time goes on all the same. The first packet after a gap carries the marker bit (RFC 3551 section 4.1).
    pub fn push(&mut self, now: Instant, payload: &[u8], samples: u32) {
        let payload_type = self.parameters.formats.first().map(|format| format.send_payload);
        let marker = self.writer.spurt;
        self.writer.spurt = !self.put(now, payload_type, marker, payload);
        self.writer.advance(now, samples);
    }

    /// Sends a description of comfort noise (RFC 3389) in place of `samples` units of audio, under the same conditions as [`Path::push`]; when none is agreed on at the clock rate of the audio, only time goes on.
    ///
    /// It has no marker bit (RFC 3389 section 4), and the next frame has: a talk-spurt begins.
    pub fn push_noise(&mut self, now: Instant, payload: &[u8], samples: u32) {
        let noise = self.parameters.comfort_noise.filter(|noise| noise.clock_rate == self.writer.clock_rate);
        self.put(now, noise.map(|noise| noise.send_payload), false, payload);
        self.writer.spurt = true;
        self.writer.advance(now, samples);
    }

    /// Sends a frame where one may be sent; whether it was.
    fn put(&mut self, now: Instant, payload_type: Option<u8>, marker: bool, payload: &[u8]) -> bool {
        match payload_type {
            Some(payload_type) if self.sends() && !self.writer.dtmf.is_sending() && !payload.is_empty() => {
                self.send(now, payload_type, marker, self.writer.timestamp, payload);
                true
            }
            Some(_) | None => false,
        }
    }

    /// Lets the time of a frame pass that is not sent: a silence, or the hold of the application.
    pub fn skip(&mut self, now: Instant, samples: u32) {
        self.writer.spurt = true;
        self.writer.advance(now, samples);
    }

    /// Queues a digit (RFC 4733): `0`–`9`, `*`, `#`, `A`–`D`. Digits are sent one after the other, in place of the audio.
    ///
    /// # Errors
    /// When the character is no digit, the peer knows no events, nothing is sent on this stream, or too many digits wait.
    pub fn send_dtmf(&mut self, now: Instant, digit: char, duration: Duration) -> Result<(), DtmfError> {
        let digit = Digit::from_char(digit).ok_or(DtmfError::NotADigit(digit))?;
        if !self.sends() {
            return Err(DtmfError::NotSending);
        }
        if self.parameters.telephone_event.is_none() {
            return Err(DtmfError::NotNegotiated);
        }
        self.writer.dtmf.queue(digit, duration).map_err(|dtmf::QueueFull| DtmfError::QueueFull)?;
        self.key(now);
        Ok(())
    }

    /// Begins the digit, or sends the reports, that are due.
    pub(super) fn key(&mut self, now: Instant) {
        while self.writer.dtmf.deadline().is_some_and(|deadline| deadline <= now) {
            if !self.writer.dtmf.is_sending() {
                self.writer.settle(now);
            }
            if let Some(packet) = self.writer.dtmf.poll(now, self.writer.timestamp) {
                self.send_event(now, packet);
            }
        }
    }

    fn send_event(&mut self, now: Instant, packet: EventPacket) {
        let Some(event) = self.parameters.telephone_event else { return };
        if packet.timestamp.wrapping_sub(self.writer.timestamp).cast_signed() > 0 {
            // No audio moved the clock on: what follows the event is not to be before it.
            (self.writer.timestamp, self.writer.at) = (packet.timestamp, now);
        }
        self.writer.spurt = true;
        self.send(now, event.send_payload, packet.marker, packet.timestamp, &packet.report.to_bytes());
    }

    fn sends(&self) -> bool {
        self.state == State::Running && sends(&self.parameters)
    }

    fn send(&mut self, now: Instant, payload_type: u8, marker: bool, timestamp: u32, payload: &[u8]) {
        let moved = self.sources.latched().filter(|_| self.parameters.symmetric);
        let Some(to) = moved.or(self.parameters.remote_rtp) else { return };
        let header = Header { marker, payload_type, sequence: self.writer.sequence, timestamp, ssrc: self.writer.ssrc };
        self.buffer.reserve(HEADER_LEN + payload.len());
        header.write(&mut self.buffer);
        self.buffer.put_slice(payload);
        if !self.transmit(now, Component::Rtp, to, MAX_QUEUE) {
            self.statistics.tx.discarded += 1;
            return;
        }
        let bytes = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        self.writer.sequence = self.writer.sequence.wrapping_add(1);
        self.writer.sent_at = Some(now);
        self.statistics.tx.packets += 1;
        self.statistics.tx.bytes += u64::from(bytes);
        self.writer.packets = self.writer.packets.wrapping_add(1);
        self.writer.octets = self.writer.octets.wrapping_add(bytes);
    }
}

/// Whether these parameters let anything be sent.
fn sends(parameters: &Parameters) -> bool {
    parameters.direction.sends() && parameters.remote_rtp.is_some()
}
