//! Opus (RFC 6716, RFC 7587) through the `ropus` crate: mono, 20 ms frames, with forward error correction.
//!
//! What the peer asks for by its format parameters is kept to: the bandwidth (`maxplaybackrate`), the bit rate
//! (`maxaveragebitrate`, `cbr`), error correction (`useinbandfec`) and silence that is not sent (`usedtx`). A peer that would
//! like stereo gets mono, which RFC 7587 section 7 allows.
//!
//! The encoder and the decoder are made once, and write where they are told, but inside the crate each frame makes its
//! arrays anew: about 200 to 350 allocations to encode one, 16 to decode one, of which none stays. It offers no way to lend
//! it memory. Of the others, `opus-rs` exceeds the bit rate it is given, and `opus` needs a C compiler.

use std::fmt;

use ropus::{Application, Bandwidth, Bitrate, Channels, DecodeMode, InbandFec, Signal};
use sipsimple_core::media::Format;

use super::{Codec, DecodeError, Decoder, Encoder};

/// Samples a second, of the RTP clock too (RFC 7587 section 4.1).
const RATE: u32 = 48_000;
/// Bits a second for full-band speech (RFC 7587 section 3.1.1).
const BITRATE: u32 = 40_000;
/// What a peer may ask for.
const BITRATES: std::ops::RangeInclusive<u32> = 6_000..=510_000;
/// The loss that error correction is made for, in percent.
const EXPECTED_LOSS: u8 = 10;
/// Effort of the encoder, of 10.
const COMPLEXITY: u8 = 5;
/// Bytes of a packet that says nothing but that nothing is to be heard (RFC 6716 section 3.1).
const SILENCE: usize = 2;

/// Opus.
#[derive(Clone, Copy, Debug, Default)]
pub struct Opus;

impl Codec for Opus {
    fn encoding(&self) -> &'static str {
        "opus"
    }

    fn payload_type(&self) -> Option<u8> {
        None
    }

    fn clock_rate(&self) -> u32 {
        RATE
    }

    fn channels(&self) -> u8 {
        2
    }

    fn sample_rate(&self) -> u32 {
        RATE
    }

    fn frame_millis(&self) -> u32 {
        20
    }

    fn encoder(&self, format: &Format) -> Box<dyn Encoder> {
        Box::new(OpusEncoder::new(&Wishes::read(format.remote_fmtp.as_deref().unwrap_or_default())))
    }

    fn decoder(&self, _format: &Format) -> Box<dyn Decoder> {
        Box::new(OpusDecoder(ropus::Decoder::new(RATE, Channels::Mono).ok()))
    }
}

/// What a receiver asks of its sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Wishes {
    bitrate: u32,
    playback_rate: u32,
    constant: bool,
    error_correction: bool,
    silence: bool,
}

impl Wishes {
    /// Reads format parameters. What does not read is as if it were not there.
    fn read(fmtp: &str) -> Self {
        let mut wishes =
            Self { bitrate: BITRATE, playback_rate: RATE, constant: false, error_correction: false, silence: false };
        for parameter in fmtp.split(';') {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
            let number = value.parse::<u32>();
            match (&*name, number) {
                ("maxaveragebitrate", Ok(most)) => {
                    wishes.bitrate = BITRATE.min(most).clamp(*BITRATES.start(), *BITRATES.end());
                }
                ("maxplaybackrate", Ok(rate)) => wishes.playback_rate = rate,
                ("cbr", Ok(flag)) => wishes.constant = flag == 1,
                ("useinbandfec", Ok(flag)) => wishes.error_correction = flag == 1,
                ("usedtx", Ok(flag)) => wishes.silence = flag == 1,
                _ => {}
            }
        }
        wishes
    }

    /// The widest band that is worth sending (RFC 7587 table 1).
    const fn bandwidth(&self) -> Bandwidth {
        match self.playback_rate {
            ..12_000 => Bandwidth::Narrowband,
            12_000..16_000 => Bandwidth::Mediumband,
            16_000..24_000 => Bandwidth::Wideband,
            24_000..48_000 => Bandwidth::Superwideband,
            48_000.. => Bandwidth::Fullband,
        }
    }
}

/// The sending half of [`Opus`]. Without an encoder it sends nothing.
struct OpusEncoder {
    encoder: Option<ropus::Encoder>,
    silence: bool,
}

impl OpusEncoder {
    fn new(wishes: &Wishes) -> Self {
        let fec = if wishes.error_correction { InbandFec::Enabled } else { InbandFec::Disabled };
        let encoder = Bitrate::try_bits(wishes.bitrate).ok().and_then(|bitrate| {
            ropus::Encoder::builder(RATE, Channels::Mono, Application::Voip)
                .bitrate(bitrate)
                .complexity(COMPLEXITY)
                .signal(Signal::Auto)
                .vbr(!wishes.constant)
                .max_bandwidth(wishes.bandwidth())
                .inband_fec(fec)
                .packet_loss_perc(if wishes.error_correction { EXPECTED_LOSS } else { 0 })
                .dtx(wishes.silence)
                .build()
                .ok()
        });
        Self { encoder, silence: wishes.silence }
    }
}

impl Encoder for OpusEncoder {
    fn encode(&mut self, samples: &[i16], payload: &mut [u8]) -> usize {
        let encoder = self.encoder.as_mut();
        let len = encoder.and_then(|encoder| encoder.encode(samples, payload).ok()).unwrap_or(0);
        if self.silence && len <= SILENCE { 0 } else { len }
    }
}

impl fmt::Debug for OpusEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusEncoder").field("silence", &self.silence).finish_non_exhaustive()
    }
}

/// The receiving half of [`Opus`].
struct OpusDecoder(Option<ropus::Decoder>);

impl OpusDecoder {
    fn run(&mut self, payload: &[u8], samples: &mut [i16], mode: DecodeMode) -> Option<usize> {
        self.0.as_mut()?.decode(payload, samples, mode).ok()
    }
}

impl Decoder for OpusDecoder {
    fn decode(&mut self, payload: &[u8], samples: &mut [i16]) -> Result<usize, DecodeError> {
        let refused = DecodeError { encoding: "opus", bytes: payload.len() };
        if payload.is_empty() {
            return Err(refused);
        }
        self.run(payload, samples, DecodeMode::Normal).ok_or(refused)
    }

    fn conceal(&mut self, samples: &mut [i16]) -> bool {
        let len = samples.len();
        self.run(&[], samples, DecodeMode::Normal) == Some(len)
    }

    fn recover(&mut self, next: &[u8], samples: &mut [i16]) -> bool {
        let len = samples.len();
        !next.is_empty() && self.run(next, samples, DecodeMode::Fec) == Some(len)
    }
}

impl fmt::Debug for OpusDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpusDecoder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
