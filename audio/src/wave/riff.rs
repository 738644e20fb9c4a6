//! The RIFF container of a WAV file, and its codings of samples.
//!
//! A file is "RIFF", a length, "WAVE", and chunks: a name of four bytes, a length, that many bytes, and a byte of padding
//! after an odd length. The chunk `fmt ` says how the bytes of the chunk `data` are samples. Every chunk takes at least eight
//! bytes, so a walk over them ends.

use super::WaveError;
use crate::codec::{alaw_decode, ulaw_decode};

/// Channels that are mixed down.
const MAX_CHANNELS: u16 = 32;
/// Rates of recordings, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 1_000..=384_000;
/// The last twelve bytes of the identifiers of sub-formats, which begin with a format tag (WAVE_FORMAT_EXTENSIBLE).
const SUBFORMAT: [u8; 14] = [0, 0, 0, 0, 0x10, 0, 0x80, 0, 0, 0xaa, 0, 0x38, 0x9b, 0x71];

/// Format tags of the registry of Microsoft (RFC 2361 appendix A).
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const ALAW: u16 = 6;
const ULAW: u16 = 7;
const EXTENSIBLE: u16 = 0xfffe;

/// How samples are coded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Coding {
    Unsigned8,
    Signed16,
    Signed24,
    Signed32,
    Float32,
    Float64,
    Alaw,
    Ulaw,
}

/// A WAV file taken apart.
#[derive(Debug)]
pub(super) struct Riff<'a> {
    /// Samples per second.
    pub(super) rate: u32,
    channels: usize,
    coding: Coding,
    data: &'a [u8],
}

impl<'a> Riff<'a> {
    /// Finds format and data; what comes behind the data is not looked at.
    pub(super) fn parse(bytes: &'a [u8]) -> Result<Self, WaveError> {
        let (Some(b"RIFF"), Some(b"WAVE")) = (bytes.get(..4), bytes.get(8..12)) else {
            return Err(WaveError::NotWave);
        };
        let mut at = 12;
        let mut format = None;
        while let Some(name) = bytes.get(at..at + 4) {
            let length = u32_at(bytes, at + 4).ok_or(WaveError::Truncated { at })?;
            let body = &bytes[at + 8..];
            let len = usize::try_from(length).unwrap_or(usize::MAX);
            if name == b"data" {
                let (rate, channels, coding) = format.ok_or(WaveError::Format)?;
                return Self::with_data(rate, channels, coding, body, length);
            }
            let chunk = body.get(..len).ok_or(WaveError::Truncated { at })?;
            if name == b"fmt " {
                format = Some(parse_format(chunk)?);
            }
            at += 8 + len + len % 2;
        }
        Err(if format.is_some() { WaveError::Data } else { WaveError::Format })
    }

    fn with_data(rate: u32, channels: u16, coding: Coding, body: &'a [u8], length: u32) -> Result<Self, WaveError> {
        let channels = usize::from(channels);
        let sample = coding.bytes() * channels;
        let data = match usize::try_from(length).ok().and_then(|len| body.get(..len)) {
            Some(data) if data.len() % sample == 0 => data,
            // A program that wrote to a pipe did not know the length and put the largest one; the data then go on to the end.
            None if length >= 0x7fff_0000 => &body[..body.len() - body.len() % sample],
            Some(_) | None => return Err(WaveError::Data),
        };
        if data.is_empty() {
            return Err(WaveError::Data);
        }
        Ok(Self { rate, channels, coding, data })
    }

    /// The samples, the channels mixed down to their mean.
    pub(super) fn samples(&self) -> Vec<i16> {
        let width = self.coding.bytes();
        let divisor = i32::try_from(self.channels).unwrap_or(1);
        self.data
            .chunks_exact(width * self.channels)
            .map(|frame| {
                let sum: i32 = frame.chunks_exact(width).map(|bytes| i32::from(self.coding.sample(bytes))).sum();
                // A mean of values of 16 bits is one.
                i16::try_from(sum / divisor).unwrap_or(0)
            })
            .collect()
    }
}

impl Coding {
    const fn bytes(self) -> usize {
        match self {
            Self::Unsigned8 | Self::Alaw | Self::Ulaw => 1,
            Self::Signed16 => 2,
            Self::Signed24 => 3,
            Self::Signed32 | Self::Float32 => 4,
            Self::Float64 => 8,
        }
    }

    /// The upper 16 bits of one sample; 0 for a slice of another length, which does not happen.
    fn sample(self, bytes: &[u8]) -> i16 {
        match (self, bytes) {
            (Self::Unsigned8, [a]) => i16::from_le_bytes([0, a ^ 0x80]),
            (Self::Alaw, [a]) => alaw_decode(*a),
            (Self::Ulaw, [a]) => ulaw_decode(*a),
            (Self::Signed16, [a, b]) | (Self::Signed24, [_, a, b]) | (Self::Signed32, [_, _, a, b]) => {
                i16::from_le_bytes([*a, *b])
            }
            (Self::Float32, [a, b, c, d]) => from_float(f64::from(f32::from_le_bytes([*a, *b, *c, *d]))),
            (Self::Float64, [a, b, c, d, e, f, g, h]) => {
                from_float(f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]))
            }
            _ => 0,
        }
    }
}

/// The sample of a value from −1 to 1: louder ones are clipped and "not a number" is silent, for a cast from a float saturates.
fn from_float(value: f64) -> i16 {
    (value * 32_768.0).round() as i16
}

/// Rate, channels and coding of a `fmt ` chunk (RFC 2361 section 2; WAVEFORMATEXTENSIBLE).
fn parse_format(chunk: &[u8]) -> Result<(u32, u16, Coding), WaveError> {
    let field = |at| u16_at(chunk, at).ok_or(WaveError::Format);
    let (mut tag, channels, align, bits) = (field(0)?, field(2)?, field(12)?, field(14)?);
    let rate = u32_at(chunk, 4).ok_or(WaveError::Format)?;
    if tag == EXTENSIBLE {
        let subformat = chunk.get(24..40).ok_or(WaveError::Format)?;
        if subformat.get(2..) != Some(&SUBFORMAT) {
            return Err(WaveError::Unsupported { tag, bits });
        }
        tag = field(24)?;
    }
    let coding = match (tag, bits) {
        (PCM, 8) => Coding::Unsigned8,
        (PCM, 16) => Coding::Signed16,
        (PCM, 24) => Coding::Signed24,
        (PCM, 32) => Coding::Signed32,
        (FLOAT, 32) => Coding::Float32,
        (FLOAT, 64) => Coding::Float64,
        (ALAW, 8) => Coding::Alaw,
        (ULAW, 8) => Coding::Ulaw,
        _ => return Err(WaveError::Unsupported { tag, bits }),
    };
    let consistent = (1..=MAX_CHANNELS).contains(&channels)
        && RATES.contains(&rate)
        && usize::from(align) == coding.bytes() * usize::from(channels);
    if !consistent {
        return Err(WaveError::Format);
    }
    Ok((rate, channels, coding))
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u16::from_le_bytes(*field))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    let field = bytes.get(at..)?.first_chunk()?;
    Some(u32::from_le_bytes(*field))
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use proptest::prelude::*;

    use super::super::Wave;
    use super::*;

    /// A file of these chunks; lengths and padding as they should be.
    fn file(chunks: &[(&[u8; 4], &[u8])]) -> Vec<u8> {
        let mut bytes = b"RIFF\0\0\0\0WAVE".to_vec();
        for (name, body) in chunks {
            bytes.extend_from_slice(*name);
            bytes.extend_from_slice(&u32::try_from(body.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(body);
            if body.len() % 2 == 1 {
                bytes.push(0);
            }
        }
        bytes
    }

    fn format(tag: u16, channels: u16, rate: u32, bits: u16) -> Vec<u8> {
        let align = channels.wrapping_mul(bits / 8);
        let mut chunk = Vec::new();
        chunk.extend_from_slice(&tag.to_le_bytes());
        chunk.extend_from_slice(&channels.to_le_bytes());
        chunk.extend_from_slice(&rate.to_le_bytes());
        chunk.extend_from_slice(&rate.wrapping_mul(u32::from(align)).to_le_bytes());
        chunk.extend_from_slice(&align.to_le_bytes());
        chunk.extend_from_slice(&bits.to_le_bytes());
        chunk
    }

    fn samples(tag: u16, bits: u16, data: &[u8]) -> Vec<i16> {
        Wave::parse(&file(&[(b"fmt ", &format(tag, 1, 8_000, bits)), (b"data", data)])).unwrap().samples().to_vec()
    }

    #[test]
    fn every_coding_gives_its_upper_sixteen_bits() {
        assert_eq!(samples(PCM, 8, &[0x80, 0xff, 0x00]), [0, 0x7f00, i16::MIN]);
        assert_eq!(samples(PCM, 16, &[0x34, 0x12, 0x00, 0x80]), [0x1234, i16::MIN]);
        assert_eq!(samples(PCM, 24, &[0xff, 0x34, 0x12]), [0x1234]);
        assert_eq!(samples(PCM, 32, &[0xff, 0xff, 0x34, 0x12]), [0x1234]);
        let floats: Vec<u8> =
            [0.5_f32, -1.0, 1.0, f32::NAN, 7.0].iter().flat_map(|value| value.to_le_bytes()).collect();
        assert_eq!(samples(FLOAT, 32, &floats), [16_384, i16::MIN, i16::MAX, 0, i16::MAX]);
        assert_eq!(samples(FLOAT, 64, &(-0.25_f64).to_le_bytes()), [-8_192]);
        assert_eq!(samples(ALAW, 8, &[0xd5, 0xaa]), [8, 32_256]);
        assert_eq!(samples(ULAW, 8, &[0xff, 0x00]), [0, -32_124]);
    }

    #[test]
    fn channels_are_mixed_down_to_their_mean() {
        let data: Vec<u8> = [100_i16, 300, i16::MIN, i16::MIN].iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let wave = Wave::parse(&file(&[(b"fmt ", &format(PCM, 2, 44_100, 16)), (b"data", &data)])).unwrap();
        assert_eq!((wave.rate(), wave.samples()), (44_100, &[200, i16::MIN][..]));
    }

    #[test]
    fn what_hound_writes_is_read() {
        for (bits, float) in [(8, false), (16, false), (24, false), (32, false), (32, true)] {
            for channels in [1, 2, 3] {
                let sample_format = if float { hound::SampleFormat::Float } else { hound::SampleFormat::Int };
                let spec = hound::WavSpec { channels, sample_rate: 16_000, bits_per_sample: bits, sample_format };
                let mut bytes = Cursor::new(Vec::new());
                let mut writer = hound::WavWriter::new(&mut bytes, spec).unwrap();
                for value in [0, 50, -100] {
                    for _ in 0..channels {
                        match float {
                            true => writer.write_sample(value as f32 / 128.0).unwrap(),
                            false => writer.write_sample(value << (bits - 8)).unwrap(),
                        }
                    }
                }
                writer.finalize().unwrap();
                let wave = Wave::parse(bytes.get_ref()).unwrap();
                assert_eq!(wave.samples(), [0, 50 * 256, -100 * 256], "{spec:?}");
            }
        }
    }

    #[test]
    fn other_chunks_are_skipped_with_their_padding() {
        let wave = file(&[
            (b"JUNK", &[1; 7]),
            (b"fmt ", &format(PCM, 1, 8_000, 16)),
            (b"LIST", b"odd"),
            (b"data", &[1, 0, 2, 0]),
            (b"cue ", &[9; 3]),
        ]);
        assert_eq!(Wave::parse(&wave).unwrap().samples(), [1, 2]);
    }

    #[test]
    fn data_of_unknown_length_go_on_to_the_end() {
        for length in [u32::MAX, 0x7fff_ffff, 0x7fff_f000] {
            let mut wave = file(&[(b"fmt ", &format(PCM, 1, 8_000, 16)), (b"data", &[1, 0, 2, 0, 3])]);
            wave.pop();
            let at = wave.len() - 9;
            wave[at..at + 4].copy_from_slice(&length.to_le_bytes());
            assert_eq!(Wave::parse(&wave).unwrap().samples(), [1, 2]);
        }
    }

    #[test]
    fn malformed_files_are_errors() {
        let good = format(PCM, 1, 8_000, 16);
        let data = (b"data", &[0; 4][..]);
        let extensible = [format(EXTENSIBLE, 1, 8_000, 16), vec![22, 0, 16, 0, 0, 0, 0, 0], vec![1; 16]].concat();
        let cases: [(&str, Vec<u8>); 15] = [
            ("not a WAV file", Vec::new()),
            ("not a WAV file", b"RIFF\0\0\0\0WAV".to_vec()),
            ("not a WAV file", b"RIFX\0\0\0\0WAVE".to_vec()),
            ("the fmt chunk is missing or wrong", file(&[])),
            ("the fmt chunk is missing or wrong", file(&[data, (b"fmt ", &good)])),
            ("the fmt chunk is missing or wrong", file(&[(b"fmt ", &good[..15]), data])),
            ("the fmt chunk is missing or wrong", file(&[(b"fmt ", &format(PCM, 0, 8_000, 16)), data])),
            ("the fmt chunk is missing or wrong", file(&[(b"fmt ", &format(PCM, 1, 0, 16)), data])),
            ("the fmt chunk is missing or wrong", file(&[(b"fmt ", &format(PCM, 1, u32::MAX, 16)), data])),
            ("the fmt chunk is missing or wrong", file(&[(b"fmt ", &format(PCM, 33, 8_000, 16)), data])),
            ("format 1 with 12 bits per sample is not supported", file(&[(b"fmt ", &format(PCM, 1, 8_000, 12)), data])),
            ("format 65534 with 16 bits per sample is not supported", file(&[(b"fmt ", &extensible), data])),
            ("the data are missing or incomplete", file(&[(b"fmt ", &good)])),
            ("the data are missing or incomplete", file(&[(b"fmt ", &good), (b"data", &[])])),
            ("the data are missing or incomplete", file(&[(b"fmt ", &good), (b"data", &[1; 3])])),
        ];
        for (text, bytes) in cases {
            assert_eq!(Wave::parse(&bytes).unwrap_err().to_string(), text);
        }
        let mut cut = file(&[(b"fmt ", &good), (b"LIST", &[0; 100])]);
        cut.truncate(60);
        assert_eq!(Wave::parse(&cut).unwrap_err().to_string(), "the file ends inside a chunk at byte 36");
    }

    #[test]
    fn a_length_beyond_the_end_is_an_error() {
        let mut wave = file(&[(b"fmt ", &format(PCM, 1, 8_000, 16)), (b"data", &[0; 4])]);
        wave[40] = 200;
        assert!(matches!(Wave::parse(&wave), Err(WaveError::Data)));
        wave[16..20].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(matches!(Wave::parse(&wave), Err(WaveError::Truncated { at: 12 })));
    }

    proptest! {
        #[test]
        fn any_bytes_end_in_samples_or_an_error(bytes: Vec<u8>, keep in 0_usize..64) {
            let good = file(&[(b"fmt ", &format(PCM, 1, 8_000, 16)), (b"data", &[0; 20])]);
            let mut wave = good[..keep.min(good.len())].to_vec();
            wave.extend_from_slice(&bytes);
            if let Ok(wave) = Wave::parse(&wave) {
                prop_assert!(!wave.samples().is_empty());
            }
        }

        #[test]
        fn a_changed_byte_ends_in_samples_or_an_error(at in 0_usize..64, value: u8) {
            let mut wave = file(&[(b"fmt ", &format(PCM, 1, 8_000, 16)), (b"data", &[0; 20])]);
            wave[at] = value;
            if let Ok(wave) = Wave::parse(&wave) {
                prop_assert!(!wave.samples().is_empty());
            }
        }
    }
}
