//! From the packets of a stream to frames of its mixer: decoding, concealing, changing the rate.
//!
//! ```text
//! packet ─► decoder ─┐
//! lost ───► decoder or concealer ─► resampler ─► queue ─► frame of 20 ms
//! ```
//!
//! Packets may hold any length of audio, frames always hold 20 ms; the queue lies between. A frame of silence goes into it
//! before the first packet, so that a tick which finds no packet due, and the next which finds two, are not heard. What is
//! missing when a frame is due is concealed like a lost packet: a sender whose clock is slower, or who stays silent, fades
//! instead of clicking. A peer that has described its silence (RFC 3389) is not missing: its noise is heard until it speaks. What has stood in the queue for a second without need, because the sender's clock is faster, is skipped.

mod conceal;
mod noise;

use std::collections::VecDeque;
use std::sync::Arc;

use sipsimple_core::media::Format;

use crate::codec::{Codec, Decoder};
use crate::rate::SampleRate;
use crate::resample::{Resampler, UnsupportedRatio};
use conceal::Concealer;
use noise::Noise;

/// Milliseconds of audio that are taken from one packet; the rest of a longer one is left out.
const MAX_PACKET: u32 = 200;
/// Milliseconds that a lost packet is taken for before any has come.
const USUAL_PACKET: u32 = 20;
/// Milliseconds of audio that may wait beside one packet; what comes then is left out.
const MAX_QUEUE: u32 = 200;
/// Ticks over which the queue is watched: a second.
const WATCH: u32 = 50;

/// The receiving side of a stream, from payloads to samples.
#[derive(Debug)]
pub struct Playout {
    rate: SampleRate,
    receivers: Vec<Receiver>,
    /// What is heard while the peer is silent, when it may say that it is.
    noise: Option<Noise>,
    /// Which of the receivers was used last.
    current: usize,
    /// Lost packets that the one after them may still tell about.
    lost: u32,
    /// What was decoded and is not heard yet, at the mixer's rate.
    queue: VecDeque<i16>,
    /// Whether audio is in the queue or being concealed. Otherwise there is nothing to hear.
    playing: bool,
    /// The shortest that the queue has been after a frame since it is watched, and for how many ticks that is.
    least: usize,
    watched: u32,
    /// One packet at the mixer's rate.
    resampled: Vec<i16>,
    statistics: PlayoutStatistics,
}

/// What a [`Playout`] counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PlayoutStatistics {
    /// Packets that were decoded.
    pub decoded: u64,
    /// Packets that were lost and concealed.
    pub concealed: u64,
    /// Of those, packets that the one after them told about (forward error correction).
    pub recovered: u64,
    /// Packets that their codec refused.
    pub undecodable: u64,
    /// Frames in which audio was missing although no packet was lost.
    pub starved: u64,
    /// Descriptions of comfort noise.
    pub descriptions: u64,
    /// Times that a piece was skipped because too much had come to wait.
    pub skipped: u64,
}

/// One format.
#[derive(Debug)]
struct Receiver {
    decoder: Box<dyn Decoder>,
    concealer: Concealer,
    resampler: Resampler,
    /// One packet at the codec's rate.
    decoded: Vec<i16>,
    /// Samples of the last packet.
    packet_len: usize,
}

impl Playout {
    /// Decodes these formats, each with its codec, and comfort noise described for this clock rate, for a mixer of this rate.
    ///
    /// # Errors
    ///
    /// [`UnsupportedRatio`] when the rate of a codec cannot be changed to the mixer's.
    pub fn new(
        formats: &[(Arc<dyn Codec>, Format)],
        noise: Option<u32>,
        rate: SampleRate,
    ) -> Result<Self, UnsupportedRatio> {
        let mut receivers = Vec::new();
        for (codec, format) in formats {
            let per_millis = |millis| usize::try_from(codec.sample_rate() * millis / 1_000).unwrap_or(0);
            receivers.push(Receiver {
                decoder: codec.decoder(format),
                concealer: Concealer::new(codec.sample_rate()),
                resampler: Resampler::new(codec.sample_rate(), rate.hz())?,
                decoded: vec![0; per_millis(MAX_PACKET)],
                packet_len: per_millis(USUAL_PACKET),
            });
        }
        Ok(Self {
            rate,
            receivers,
            noise: noise.map(|clock_rate| Noise::new(clock_rate, rate)).transpose()?,
            current: 0,
            lost: 0,
            queue: VecDeque::with_capacity(rate.samples_in(MAX_PACKET + MAX_QUEUE)),
            playing: false,
            least: usize::MAX,
            watched: 0,
            resampled: vec![0; rate.samples_in(MAX_PACKET) + rate.frame_len()],
            statistics: PlayoutStatistics::default(),
        })
    }

    /// Takes the payload of the next packet, which is in the `format`th of the formats; one of no format is left out.
    pub fn packet(&mut self, format: usize, payload: &[u8]) {
        if format >= self.receivers.len() {
            return;
        }
        self.make_up_for_lost(format, payload);
        self.current = format;
        let Some(receiver) = self.receivers.get_mut(format) else { return };
        match receiver.decoder.decode(payload, &mut receiver.decoded) {
            Ok(len) if len > 0 => {
                self.statistics.decoded += 1;
                receiver.packet_len = len;
                receiver.concealer.heard(&mut receiver.decoded[..len]);
                self.enqueue(len);
            }
            Ok(_) | Err(_) => {
                self.statistics.undecodable += 1;
                self.conceal();
            }
        }
    }

    /// Takes a description of comfort noise (RFC 3389): the peer is silent from here to its next packet.
    pub fn noise(&mut self, payload: &[u8]) {
        if self.noise.is_none() {
            return;
        }
        self.make_up_for_lost(usize::MAX, &[]);
        let described = self.noise.as_mut().is_some_and(|noise| noise.describe(payload));
        if described {
            self.statistics.descriptions += 1;
            self.playing = false;
            if let Some(receiver) = self.receivers.get_mut(self.current) {
                receiver.concealer.forget();
            }
        }
    }

    /// The next packet is lost. It is made up for when the one after it comes, or when nothing else is left to be heard.
    pub fn lost(&mut self) {
        self.statistics.concealed += 1;
        self.lost = self.lost.saturating_add(1);
    }

    /// Fills a frame. What is missing is concealed.
    pub fn fill(&mut self, frame: &mut [i16]) {
        if self.is_quiet() {
            // Whatever it was, it is time that passes: there is noise instead.
            self.lost = 0;
            self.make_noise(frame.len());
        }
        while self.lost > 0 && self.queue.len() < frame.len() {
            self.lost -= 1;
            self.conceal();
        }
        if self.playing && self.queue.len() < frame.len() {
            self.starve(frame.len() - self.queue.len());
        }
        let ready = self.queue.len().min(frame.len());
        let (filled, rest) = frame.split_at_mut(ready);
        for (place, sample) in filled.iter_mut().zip(self.queue.drain(..ready)) {
            *place = sample;
        }
        rest.fill(0);
        self.watch();
    }

    /// Forgets what waits to be heard.
    pub fn clear(&mut self) {
        self.queue.clear();
        self.lost = 0;
        self.playing = false;
        if let Some(noise) = &mut self.noise {
            noise.end();
        }
    }

    /// What was counted since the beginning.
    #[must_use]
    pub const fn statistics(&self) -> PlayoutStatistics {
        self.statistics
    }

    /// Makes up for the packets that were lost before this one: the last of them with what this one says about it, if it does.
    fn make_up_for_lost(&mut self, format: usize, next: &[u8]) {
        // What does not fit into the queue is left out anyway.
        let mut lost = std::mem::take(&mut self.lost).min(MAX_QUEUE / USUAL_PACKET);
        if self.is_quiet() {
            lost = 0;
        }
        for _ in 1..lost {
            self.conceal();
        }
        if lost == 0 {
            return;
        }
        let Some(receiver) = self.receivers.get_mut(self.current) else { return };
        let len = receiver.packet_len;
        if self.current == format && receiver.decoder.recover(next, &mut receiver.decoded[..len]) {
            self.statistics.recovered += 1;
            receiver.concealer.heard(&mut receiver.decoded[..len]);
            self.enqueue(len);
        } else {
            self.conceal();
        }
    }

    /// Whether the peer is silent by its own word.
    fn is_quiet(&self) -> bool {
        self.noise.as_ref().is_some_and(Noise::is_on)
    }

    /// Queues noise until so many samples wait.
    fn make_noise(&mut self, len: usize) {
        if let Some(noise) = &mut self.noise {
            let missing = len.saturating_sub(self.queue.len());
            let room = self.queue.capacity() - self.queue.len();
            self.queue.extend(noise.make(missing).iter().take(room));
        }
    }

    /// Makes up one packet.
    fn conceal(&mut self) {
        let Some(receiver) = self.receivers.get_mut(self.current) else { return };
        let len = receiver.packet_len;
        let samples = &mut receiver.decoded[..len];
        if receiver.decoder.conceal(samples) {
            receiver.concealer.heard(samples);
        } else {
            receiver.concealer.missing(samples);
        }
        self.enqueue(len);
    }

    /// Makes up this many samples of the mixer's, or a few more.
    fn starve(&mut self, len: usize) {
        let Some(receiver) = self.receivers.get_mut(self.current) else { return };
        if receiver.concealer.is_silent() {
            self.playing = false;
            return;
        }
        self.statistics.starved += 1;
        let len = receiver.resampler.input_len(len).min(receiver.decoded.len());
        receiver.concealer.missing(&mut receiver.decoded[..len]);
        self.enqueue(len);
    }

    /// Queues this many samples of the current receiver's last packet.
    fn enqueue(&mut self, len: usize) {
        if !self.playing {
            self.playing = true;
            if self.is_quiet() {
                self.make_noise(self.rate.frame_len());
            } else {
                self.queue.resize(self.rate.frame_len(), 0);
            }
            (self.least, self.watched) = (usize::MAX, 0);
        }
        if let Some(noise) = &mut self.noise {
            noise.end();
        }
        let Some(receiver) = self.receivers.get_mut(self.current) else { return };
        let len = receiver.resampler.process(&receiver.decoded[..len], &mut self.resampled);
        let room = self.queue.capacity() - self.queue.len();
        self.queue.extend(&self.resampled[..len.min(room)]);
    }

    /// Skips what has been waiting for a second beyond one frame, if that is more than a frame.
    fn watch(&mut self) {
        self.least = self.least.min(self.queue.len());
        self.watched += 1;
        if self.watched < WATCH {
            return;
        }
        let spare = self.least.saturating_sub(self.rate.frame_len());
        if spare >= self.rate.frame_len() {
            self.skip(spare);
        }
        (self.least, self.watched) = (usize::MAX, 0);
    }

    /// Leaves out the oldest samples, fading from them to those that follow.
    fn skip(&mut self, len: usize) {
        self.statistics.skipped += 1;
        let overlap = self.rate.samples_in(5).min(self.queue.len() - len);
        let steps = i32::try_from(overlap).unwrap_or(i32::MAX);
        for (at, step) in (0..overlap).zip(0..steps) {
            let (old, new) = (i32::from(self.queue[at]), i32::from(self.queue[len + at]));
            // Between two values of 16 bits.
            self.queue[len + at] = i16::try_from((old * (steps - step) + new * step) / steps).unwrap_or(0);
        }
        self.queue.drain(..len);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sipsimple_core::sip::Text;

    use super::*;
    use crate::codec::{Codecs, DecodeError, Encoder, Pcma, Pcmu};
    use crate::measure;
    use crate::tone::sine;

    fn format(encoding: &'static str, payload: u8, clock_rate: u32) -> Format {
        Format {
            send_payload: payload,
            receive_payload: payload,
            encoding: Text::from_static(encoding),
            clock_rate,
            channels: 1,
            remote_fmtp: None,
            local_fmtp: None,
        }
    }

    fn coded(encoding: &'static str, payload: u8, clock_rate: u32, codecs: &Codecs) -> (Arc<dyn Codec>, Format) {
        let format = format(encoding, payload, clock_rate);
        (Arc::clone(codecs.find(&format).unwrap()), format)
    }

    fn playout(rate: SampleRate) -> Playout {
        let codecs = Codecs::default();
        Playout::new(&[coded("PCMU", 0, 8_000, &codecs), coded("PCMA", 8, 8_000, &codecs)], None, rate).unwrap()
    }

    /// A tone in packets of this length, in PCMU (0) or PCMA (1).
    fn packets(number: usize, packet: usize, count: usize) -> Vec<Vec<u8>> {
        let mut encoder: Box<dyn Encoder> = if number == 0 { Box::new(Pcmu) } else { Box::new(Pcma) };
        sine(440.0, -10.0, 8_000, packet * count)
            .chunks(packet)
            .map(|samples| {
                let mut payload = vec![0; packet];
                let len = encoder.encode(samples, &mut payload);
                payload.truncate(len);
                payload
            })
            .collect()
    }

    fn frame(playout: &mut Playout) -> Vec<i16> {
        let mut frame = vec![7; playout.rate.frame_len()];
        playout.fill(&mut frame);
        frame
    }

    #[test]
    fn packets_of_any_length_become_frames() {
        for rate in [SampleRate::HZ_8000, SampleRate::HZ_44100] {
            for packet in [80, 160, 240, 400] {
                let mut playout = playout(rate);
                let mut packets = packets(0, packet, 8_000 / packet).into_iter();
                let (mut heard, mut come) = (Vec::new(), 0);
                for tick in 0..40 {
                    while come <= tick * 160 {
                        playout.packet(0, &packets.next().unwrap());
                        come += packet;
                    }
                    heard.extend(frame(&mut playout));
                }
                let tone = measure::tone(&heard[heard.len() / 10..], rate.hz(), 440.0);
                assert!((tone.level + 10.0).abs() < 0.1 && tone.ratio > 35.0, "{packet} at {rate:?}: {tone:?}");
                assert_eq!((playout.statistics().starved, playout.statistics().skipped), (0, 0));
            }
        }
    }

    /// Hears a tone of which so many packets come in each tick.
    fn hear(come: impl Iterator<Item = usize>) -> (Vec<i16>, PlayoutStatistics) {
        let mut playout = playout(SampleRate::HZ_8000);
        let mut packets = packets(0, 160, 2_000).into_iter();
        let mut heard = Vec::new();
        for count in come {
            packets.by_ref().take(count).for_each(|payload| playout.packet(0, &payload));
            heard.extend(frame(&mut playout));
        }
        (heard, playout.statistics())
    }

    #[test]
    fn ticks_that_find_none_and_then_two_are_not_heard() {
        let (heard, counted) = hear((0..200).map(|tick| [1, 1, 0, 2, 1][tick % 5]));
        assert_eq!((counted.starved, counted.skipped), (0, 0));
        let tone = measure::tone(&heard[160..], 8_000, 440.0);
        assert!(tone.ratio > 35.0, "{tone:?}");
    }

    #[test]
    fn a_faster_sender_is_skipped_now_and_then() {
        // A packet too many every 40 ticks.
        let (heard, counted) = hear((0..1_000).map(|tick| if tick % 40 == 39 { 2 } else { 1 }));
        assert!((10..30).contains(&counted.skipped), "{counted:?}");
        let tone = measure::tone(&heard[160..], 8_000, 440.0);
        assert!((tone.level + 10.0).abs() < 0.5 && tone.ratio > 15.0, "{tone:?}");
    }

    #[test]
    fn a_slower_sender_is_stretched() {
        let (heard, counted) = hear((0..1_000).map(|tick| usize::from(tick % 40 != 39)));
        assert_eq!((counted.starved, counted.skipped), (24, 0));
        let tone = measure::tone(&heard[160..], 8_000, 440.0);
        assert!((tone.level + 10.0).abs() < 0.5 && tone.ratio > 15.0, "{tone:?}");
    }

    #[test]
    fn a_burst_after_a_stall_is_caught_up_with() {
        let (heard, counted) = hear((0..200).map(|tick| match tick {
            50..70 => 0,
            70 => 8,
            _ => 1,
        }));
        assert_eq!(counted.skipped, 1, "{counted:?}");
        let tone = measure::tone(&heard[160 * 130..], 8_000, 440.0);
        assert!(tone.ratio > 35.0, "{tone:?}");
    }

    #[test]
    fn a_lost_packet_is_concealed() {
        let mut playout = playout(SampleRate::HZ_16000);
        let mut heard = Vec::new();
        for (number, payload) in packets(1, 160, 100).iter().enumerate() {
            if number % 10 == 9 {
                playout.lost()
            } else {
                playout.packet(1, payload)
            }
            heard.extend(frame(&mut playout));
        }
        let tone = measure::tone(&heard[3_200..], 16_000, 440.0);
        assert!((tone.level + 10.0).abs() < 0.5 && tone.ratio > 18.0, "{tone:?}");
        assert_eq!(playout.statistics(), PlayoutStatistics { decoded: 90, concealed: 10, ..Default::default() });
    }

    #[test]
    fn a_silent_sender_fades_and_comes_back() {
        let mut playout = playout(SampleRate::HZ_8000);
        for payload in packets(0, 160, 3) {
            playout.packet(0, &payload);
            frame(&mut playout);
        }
        let levels: Vec<_> = (0..6).map(|_| measure::level(&frame(&mut playout))).collect();
        assert!((levels[0] + 10.0).abs() < 0.5 && levels.is_sorted_by(|a, b| a >= b), "{levels:?}");
        assert_eq!(levels[4], f64::NEG_INFINITY);
        assert_eq!(playout.statistics().starved, 3);
        playout.packet(0, &packets(0, 160, 1)[0]);
        assert_eq!(measure::level(&frame(&mut playout)), f64::NEG_INFINITY, "a frame in advance");
        assert!((measure::level(&frame(&mut playout)) + 10.0).abs() < 1.0);
    }

    #[test]
    fn the_codec_may_change_with_every_packet() {
        let mut playout = playout(SampleRate::HZ_8000);
        let (ulaw, alaw) = (packets(0, 160, 50), packets(1, 160, 50));
        let mut heard = Vec::new();
        for number in 0..50 {
            if number % 2 == 0 {
                playout.packet(0, &ulaw[number])
            } else {
                playout.packet(1, &alaw[number])
            }
            heard.extend(frame(&mut playout));
        }
        let tone = measure::tone(&heard[160..], 8_000, 440.0);
        assert!((tone.level + 10.0).abs() < 0.1 && tone.ratio > 35.0, "{tone:?}");
    }

    #[test]
    fn foreign_and_empty_packets_are_not_heard() {
        let mut playout = playout(SampleRate::HZ_8000);
        playout.packet(2, &[1; 160]);
        playout.packet(0, &[]);
        assert_eq!(frame(&mut playout), [0; 160]);
        assert_eq!(playout.statistics(), PlayoutStatistics { undecodable: 1, ..Default::default() });
    }

    #[test]
    fn without_format_there_is_silence() {
        let mut playout = Playout::new(&[], None, SampleRate::HZ_8000).unwrap();
        playout.packet(0, &[1; 160]);
        playout.lost();
        assert_eq!(frame(&mut playout), [0; 160]);
    }

    #[test]
    fn a_flood_of_long_packets_does_not_grow() {
        let mut playout = playout(SampleRate::HZ_48000);
        let capacity = playout.queue.capacity();
        for _ in 0..50 {
            playout.packet(0, &[0x55; 60_000]);
        }
        assert_eq!(playout.queue.capacity(), capacity);
        assert_eq!(frame(&mut playout), [0; 960]);
        assert_ne!(frame(&mut playout)[959], 0);
        playout.clear();
        assert_eq!(frame(&mut playout), [0; 960]);
    }

    /// A codec that refuses odd bytes and conceals by itself.
    #[derive(Clone, Debug)]
    struct Picky;

    impl Codec for Picky {
        fn encoding(&self) -> &'static str {
            "picky"
        }
        fn payload_type(&self) -> Option<u8> {
            None
        }
        fn clock_rate(&self) -> u32 {
            16_000
        }
        fn sample_rate(&self) -> u32 {
            16_000
        }
        fn frame_millis(&self) -> u32 {
            20
        }
        fn encoder(&self, _format: &Format) -> Box<dyn Encoder> {
            unreachable!()
        }
        fn decoder(&self, _format: &Format) -> Box<dyn Decoder> {
            Box::new(self.clone())
        }
    }

    impl Decoder for Picky {
        fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError> {
            if payload.contains(&1) {
                return Err(DecodeError { encoding: "picky", bytes: payload.len() });
            }
            samples[..320].fill(100);
            Ok(320)
        }
        fn conceal(&mut self, samples: &mut [i16]) -> bool {
            samples.fill(50);
            true
        }
    }

    #[test]
    fn a_codec_of_another_rate_conceals_in_its_own_way() {
        let mut codecs = Codecs::default();
        codecs.register(Arc::new(Picky));
        let mut playout = Playout::new(&[coded("picky", 97, 16_000, &codecs)], None, SampleRate::HZ_16000).unwrap();
        for payload in [[0], [1], [0]] {
            playout.packet(0, &payload);
        }
        playout.lost();
        let heard: Vec<_> = (0..5).map(|_| frame(&mut playout)[0]).collect();
        assert_eq!(heard, [0, 100, 50, 100, 50]);
        let counted = playout.statistics();
        assert_eq!((counted.decoded, counted.undecodable, counted.concealed), (2, 1, 1));
    }
}
