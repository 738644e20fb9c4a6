//! From the frames of a mixer to the payloads of a stream: changing the rate, cutting to the packet time, encoding.

use sipsimple_core::media::Format;

use crate::codec::{Codec, Encoder};
use crate::comfort_noise::{Activity, Suppressor};
use crate::rate::SampleRate;
use crate::resample::{Resampler, UnsupportedRatio};

/// Packet times that are kept to, in milliseconds.
const PTIMES: std::ops::RangeInclusive<u32> = 10..=120;
/// Bytes of the largest payload: what an Ethernet frame takes, without IPv6, UDP, RTP and SRTP headers.
const MAX_PAYLOAD: usize = 1_400;

/// The sending side of a stream, from samples to payloads.
#[derive(Debug)]
pub struct Packetizer {
    encoder: Box<dyn Encoder>,
    resampler: Resampler,
    /// What waits for its packet to be full, at the codec's rate.
    pending: Vec<i16>,
    /// Samples in a packet, at the codec's rate.
    packet_len: usize,
    /// Units of the RTP timestamp in a packet.
    duration: u32,
    /// Units of the RTP timestamp in a frame of the mixer.
    frame_duration: u32,
    payload: Vec<u8>,
    suppressor: Option<Suppressor>,
}

/// What becomes of the time of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packet<'a> {
    /// This payload of the codec is sent.
    Audio(&'a [u8]),
    /// This description of comfort noise (RFC 3389) is sent.
    Noise(&'a [u8]),
    /// Nothing is sent: there is silence, and it is described already.
    Silence,
}

impl Packetizer {
    /// Encodes what a mixer of this rate gives into packets of `ptime` milliseconds, brought to a multiple of the codec's frame from 10 to 120 ms.
    ///
    /// # Errors
    ///
    /// [`UnsupportedRatio`] when the mixer's rate cannot be changed to the codec's.
    pub fn new(codec: &dyn Codec, format: &Format, ptime: u32, rate: SampleRate) -> Result<Self, UnsupportedRatio> {
        let unit = codec.frame_millis().max(1);
        let millis = ptime.clamp(*PTIMES.start(), *PTIMES.end()).div_ceil(unit) * unit;
        let per_packet = |rate: u32| u64::from(rate) * u64::from(millis) / 1_000;
        let packet_len = usize::try_from(per_packet(codec.sample_rate())).unwrap_or(0).max(1);
        let resampler = Resampler::new(rate.hz(), codec.sample_rate())?;
        let pending = Vec::with_capacity(packet_len + resampler.output_len(rate.frame_len()));
        let frame = u64::try_from(rate.frame_len()).unwrap_or(0) * u64::from(codec.clock_rate()) / u64::from(rate.hz());
        Ok(Self {
            encoder: codec.encoder(format),
            pending,
            packet_len,
            duration: u32::try_from(per_packet(codec.clock_rate())).unwrap_or(u32::MAX),
            frame_duration: u32::try_from(frame).unwrap_or(u32::MAX),
            resampler,
            payload: vec![0; MAX_PAYLOAD],
            suppressor: None,
        })
    }

    /// Suppresses silence from now on: it is described by comfort noise (RFC 3389) of this clock rate.
    #[must_use]
    pub fn suppressing_silence(mut self, codec: &dyn Codec, clock_rate: u32) -> Self {
        self.suppressor = Some(Suppressor::new(codec.sample_rate(), clock_rate));
        self
    }

    /// Lets the time of a frame pass without a packet, forgets what waited for its packet to be full, and tells the time in units of the RTP timestamp.
    pub fn skip(&mut self) -> u32 {
        let waited = u64::try_from(self.pending.len()).unwrap_or(0) * u64::from(self.duration);
        let waited = waited / u64::try_from(self.packet_len).unwrap_or(1);
        self.pending.clear();
        self.frame_duration + u32::try_from(waited).unwrap_or(0)
    }

    /// Takes a frame and hands each packet that it completes to `send`, with its length in units of the RTP timestamp.
    pub fn frame(&mut self, frame: &[i16], mut send: impl FnMut(Packet<'_>, u32)) {
        let start = self.pending.len();
        self.pending.resize(start + self.resampler.output_len(frame.len()), 0);
        let written = self.resampler.process(frame, &mut self.pending[start..]);
        self.pending.truncate(start + written);
        let packets = self.pending.chunks_exact(self.packet_len);
        let rest = packets.remainder().len();
        for samples in packets {
            let activity = self.suppressor.as_mut().map_or(Activity::Speech, |suppressor| suppressor.judge(samples));
            let packet = match activity {
                Activity::Speech => {
                    let len = self.encoder.encode(samples, &mut self.payload).min(self.payload.len());
                    Packet::Audio(&self.payload[..len])
                }
                Activity::Noise(description) => {
                    let len = description.write(&mut self.payload);
                    Packet::Noise(&self.payload[..len])
                }
                Activity::Silence => Packet::Silence,
            };
            send(packet, self.duration);
        }
        let sent = self.pending.len() - rest;
        self.pending.copy_within(sent.., 0);
        self.pending.truncate(rest);
    }
}

#[cfg(test)]
mod tests {
    use sipsimple_core::sip::Text;

    use super::*;
    use crate::codec::{Decoder, Pcma};
    use crate::measure;
    use crate::tone::sine;

    fn packetizer(ptime: u32, rate: SampleRate) -> Packetizer {
        let format = Format {
            send_payload: 8,
            receive_payload: 8,
            encoding: Text::from_static("PCMA"),
            clock_rate: 8_000,
            channels: 1,
            remote_fmtp: None,
            local_fmtp: None,
        };
        Packetizer::new(&Pcma, &format, ptime, rate).unwrap()
    }

    fn audio(packet: Packet<'_>) -> &[u8] {
        let Packet::Audio(payload) = packet else { panic!("{packet:?} instead of audio") };
        payload
    }

    #[test]
    fn silence_is_described_and_the_time_of_each_packet_told() {
        let mut packetizer = packetizer(20, SampleRate::HZ_16000).suppressing_silence(&Pcma, 8_000);
        let (mut time, mut told) = (0, Vec::new());
        let loud = sine(1_000.0, -10.0, 16_000, 320 * 5);
        let frames = loud.chunks(320).chain(std::iter::repeat_n([0; 320].as_slice(), 20)).chain(loud.chunks(320));
        for frame in frames {
            packetizer.frame(frame, |packet, duration| {
                time += duration;
                told.push(match packet {
                    Packet::Audio(_) => 's',
                    Packet::Noise(payload) => {
                        assert_eq!(payload, [127]);
                        'n'
                    }
                    Packet::Silence => '-',
                });
            });
        }
        let told: String = told.into_iter().collect();
        // The changing of the rate delays the end of the tone into the next packet.
        assert_eq!(told, format!("{}n{}sssss", "s".repeat(16), "-".repeat(8)));
        assert_eq!(time, 30 * 160);
    }

    #[test]
    fn packets_last_the_packet_time() {
        for (ptime, expected) in [(0, 80), (10, 80), (20, 160), (30, 240), (40, 320), (120, 960), (10_000, 960)] {
            let mut packetizer = packetizer(ptime, SampleRate::HZ_16000);
            let capacity = packetizer.pending.capacity();
            let mut lengths = Vec::new();
            for _ in 0..60 {
                packetizer.frame(&[0; 320], |packet, duration| lengths.push((audio(packet).len(), duration)));
            }
            assert!(lengths.iter().all(|length| *length == (expected, u32::try_from(expected).unwrap())), "{ptime} ms");
            assert_eq!(lengths.len(), 60 * 160 / expected, "{ptime} ms");
            assert_eq!(packetizer.pending.capacity(), capacity, "nothing grows");
        }
    }

    #[test]
    fn time_passes_when_nothing_is_sent() {
        let mut packetizer = packetizer(30, SampleRate::HZ_16000);
        let mut sent = 0;
        packetizer.frame(&[0; 320], |_, duration| sent += duration);
        assert_eq!((sent, packetizer.skip(), packetizer.skip()), (0, 320, 160));
        for _ in 0..3 {
            packetizer.frame(&[0; 320], |_, duration| sent += duration);
        }
        assert_eq!(sent, 480);
    }

    #[test]
    fn a_tone_survives() {
        for rate in [SampleRate::HZ_8000, SampleRate::HZ_16000, SampleRate::HZ_44100] {
            let mut packetizer = packetizer(30, rate);
            let mut heard = Vec::new();
            for frame in sine(1_000.0, -10.0, rate.hz(), rate.frame_len() * 40).chunks(rate.frame_len()) {
                packetizer.frame(frame, |packet, _| {
                    let payload = audio(packet);
                    let mut samples = vec![0; payload.len()];
                    Pcma.decode(payload, &mut samples).unwrap();
                    heard.extend(samples);
                });
            }
            let tone = measure::tone(&heard[800..], 8_000, 1_000.0);
            assert!((tone.level + 10.0).abs() < 0.1 && tone.ratio > 35.0, "{rate:?}: {tone:?}");
        }
    }
}
