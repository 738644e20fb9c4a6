//! Codecs of RTP formats: what makes two of them the same, and the payload type numbers that a media line has given them.

use crate::sdp::{RtpFormat, StaticPayload};
use crate::sip::Text;

/// A codec that this side can send and receive, or the events of RFC 4733.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// The encoding's name, as in `opus`; compared in any case.
    pub encoding: Text,
    /// Clock rate of the RTP timestamp in Hz.
    pub clock_rate: u32,
    /// Channels.
    pub channels: u8,
    /// The format parameters for what this side receives.
    pub fmtp: Option<Text>,
    /// The payload type that an offer gives it if that is free; `None` leaves it to the negotiator.
    pub payload: Option<u8>,
}

impl Codec {
    /// A codec of one channel, with the number that RFC 3551 gives it or one that the negotiator finds.
    #[must_use]
    pub const fn new(encoding: &'static str, clock_rate: u32) -> Self {
        Self { encoding: Text::from_static(encoding), clock_rate, channels: 1, fmtp: None, payload: None }
    }

    /// The events 0 to 16 of RFC 4733 at this clock rate.
    #[must_use]
    pub const fn telephone_event(clock_rate: u32) -> Self {
        Self {
            encoding: Text::from_static("telephone-event"),
            clock_rate,
            channels: 1,
            fmtp: Some(Text::from_static("0-16")),
            payload: None,
        }
    }

    /// Comfort noise (RFC 3389) for codecs of this clock rate.
    #[must_use]
    pub const fn comfort_noise(clock_rate: u32) -> Self {
        Self::new("CN", clock_rate)
    }

    /// The same codec under this payload type, if it is free.
    #[must_use]
    pub const fn with_payload(mut self, payload: u8) -> Self {
        self.payload = Some(payload);
        self
    }

    /// The same codec with so many channels.
    #[must_use]
    pub const fn with_channels(mut self, channels: u8) -> Self {
        self.channels = channels;
        self
    }

    /// The same codec with these format parameters.
    #[must_use]
    pub fn with_fmtp(mut self, fmtp: impl Into<Text>) -> Self {
        self.fmtp = Some(fmtp.into());
        self
    }

    /// Whether these are events of RFC 4733 and no codec.
    #[must_use]
    pub fn is_telephone_event(&self) -> bool {
        is_telephone_event(&self.encoding)
    }

    /// Whether this is comfort noise of RFC 3389 and no codec.
    #[must_use]
    pub fn is_comfort_noise(&self) -> bool {
        is_comfort_noise(&self.encoding)
    }

    /// Whether this is of use beside a codec only: events, comfort noise.
    #[must_use]
    pub fn is_companion(&self) -> bool {
        is_companion(&self.encoding)
    }

    /// Whether a format of the other side is this codec: same name, clock rate and channels.
    #[must_use]
    pub fn is(&self, format: &RtpFormat<'_>) -> bool {
        same(&self.as_format(0), format)
    }

    /// The first of these formats that is this codec.
    #[must_use]
    pub fn find<'a, 'f>(&self, formats: &'a [RtpFormat<'f>]) -> Option<&'a RtpFormat<'f>> {
        formats.iter().find(|format| self.is(format))
    }

    pub(super) fn as_format(&self, payload: u8) -> RtpFormat<'_> {
        RtpFormat {
            payload,
            encoding: &self.encoding,
            clock_rate: self.clock_rate,
            channels: self.channels,
            fmtp: self.fmtp.as_deref(),
        }
    }
}

impl From<&RtpFormat<'_>> for Codec {
    fn from(format: &RtpFormat<'_>) -> Self {
        Self {
            encoding: encoding(format.encoding),
            clock_rate: format.clock_rate,
            channels: format.channels,
            fmtp: format.fmtp.map(Text::from),
            payload: Some(format.payload),
        }
    }
}

/// The encoding's name, without an allocation for the usual ones.
pub(super) fn encoding(name: &str) -> Text {
    let usual = ["opus", "G722", "PCMU", "PCMA", "telephone-event", "GSM", "CN", "speex"];
    usual.iter().find(|usual| **usual == name).map_or_else(|| name.into(), |usual| Text::from_static(usual))
}

pub(super) fn is_telephone_event(encoding: &str) -> bool {
    encoding.eq_ignore_ascii_case("telephone-event")
}

pub(super) fn is_comfort_noise(encoding: &str) -> bool {
    encoding.eq_ignore_ascii_case("CN")
}

pub(super) fn is_companion(encoding: &str) -> bool {
    is_telephone_event(encoding) || is_comfort_noise(encoding)
}

/// Whether two formats are the same codec, whatever their numbers and parameters.
///
/// Two habits of peers are let pass: G722 at the 16000 Hz that it samples at (RFC 3551 section 4.5.2 says 8000), and opus
/// without its second channel (RFC 7587 section 7 demands it).
pub(super) fn same(a: &RtpFormat<'_>, b: &RtpFormat<'_>) -> bool {
    a.encoding.eq_ignore_ascii_case(b.encoding)
        && (a.clock_rate == b.clock_rate || (is_g722(a) && is_g722(b)))
        && (a.channels == b.channels || a.encoding.eq_ignore_ascii_case("opus"))
}

fn is_g722(format: &RtpFormat<'_>) -> bool {
    format.encoding.eq_ignore_ascii_case("G722") && matches!(format.clock_rate, 8000 | 16000)
}

/// The codecs to which this side's descriptions of one media line have given a number.
///
/// Within one stream a number never changes its meaning (RFC 3264 section 8.3.2), so they are remembered even when the codec
/// is no longer listed. Numbers that mean what RFC 3551 says need not be.
#[derive(Clone, Debug)]
pub(super) struct Numbers {
    given: Vec<Codec>,
}

/// Numbers for codecs that have none: first the dynamic ones, then those that RFC 3551 leaves unassigned and RFC 5761 does not need for RTCP.
fn free_numbers() -> impl Iterator<Item = u8> {
    (96..=127).chain(35..=63)
}

impl Numbers {
    pub(super) const fn new() -> Self {
        Self { given: Vec::new() }
    }

    /// Gives a codec a number that no other codec has in this stream and that is not in `used`, and remembers it: the number
    /// of the offer, or else the one it already has, or else the one it would like, or else a free one that the peer does not use either.
    pub(super) fn give(
        &mut self,
        codec: &Codec,
        offered: Option<u8>,
        used: &[u8],
        peer: &[RtpFormat<'_>],
    ) -> Option<u8> {
        let format = codec.as_format(0);
        let known = self.given.iter().find(|given| same(&given.as_format(0), &format)).and_then(|given| given.payload);
        let fixed =
            StaticPayload::of_codec(&codec.encoding, codec.clock_rate, codec.channels).map(|known| known.payload);
        let free = free_numbers().filter(|number| !peer.iter().any(|theirs| theirs.payload == *number));
        let number = [offered, known, codec.payload, fixed]
            .into_iter()
            .flatten()
            .chain(free)
            .find(|number| *number < 128 && !used.contains(number) && self.may_mean(*number, &format))?;
        if fixed != Some(number) && !self.given.iter().any(|given| given.payload == Some(number)) {
            self.given.push(Codec { payload: Some(number), fmtp: None, ..codec.clone() });
        }
        Some(number)
    }

    /// Whether the number stands for this codec, or for none yet.
    fn may_mean(&self, number: u8, format: &RtpFormat<'_>) -> bool {
        if let Some(given) = self.given.iter().find(|given| given.payload == Some(number)) {
            return same(&given.as_format(0), format);
        }
        StaticPayload::of_number(number).is_none_or(|fixed| {
            let (encoding, clock_rate, channels) = (fixed.encoding, fixed.clock_rate, fixed.channels);
            same(&RtpFormat { payload: number, encoding, clock_rate, channels, fmtp: None }, format)
        })
    }

    /// Takes over what another history of the same stream has given beyond this one.
    pub(super) fn merge(&mut self, other: Self) {
        for codec in other.given {
            if !self.given.iter().any(|given| given.payload == codec.payload) {
                self.given.push(codec);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_compared_in_any_case_and_rates_and_channels_count() {
        let format =
            |encoding, clock_rate, channels| RtpFormat { payload: 96, encoding, clock_rate, channels, fmtp: None };
        assert!(Codec::new("PCMU", 8000).is(&format("pcmu", 8000, 1)));
        assert!(!Codec::new("PCMU", 8000).is(&format("PCMU", 16000, 1)));
        assert!(!Codec::new("L16", 44100).is(&format("L16", 44100, 2)));
        assert!(Codec::new("G722", 8000).is(&format("G722", 16000, 1)));
        assert!(!Codec::new("G722", 8000).is(&format("G722", 48000, 1)));
        assert!(Codec::new("opus", 48000).with_channels(2).is(&format("OPUS", 48000, 1)));
    }

    #[test]
    fn a_number_keeps_its_meaning() {
        let mut numbers = Numbers::new();
        let opus = Codec::new("opus", 48000).with_channels(2).with_payload(96);
        let speex = Codec::new("speex", 16000).with_payload(96);
        assert_eq!(numbers.give(&opus, None, &[], &[]), Some(96));
        // Taken for ever, so the wish cannot be granted.
        assert_eq!(numbers.give(&speex, None, &[], &[]), Some(97));
        // The peer offers what this side has given to another codec: that number cannot be kept.
        assert_eq!(numbers.give(&speex, Some(96), &[], &[]), Some(97));
        // The peer's number for a codec that has one here already is kept, and both stand for it from now on.
        assert_eq!(numbers.give(&opus, Some(113), &[], &[]), Some(113));
        assert_eq!(numbers.give(&speex, Some(113), &[], &[]), Some(97));
        assert_eq!(numbers.give(&opus, None, &[], &[]), Some(96));
    }

    #[test]
    fn static_numbers_are_those_of_rfc_3551() {
        let mut numbers = Numbers::new();
        assert_eq!(numbers.give(&Codec::new("PCMA", 8000), None, &[], &[]), Some(8));
        assert_eq!(numbers.give(&Codec::new("opus", 48000).with_payload(8), None, &[], &[]), Some(96));
        // An offer that calls PCMA 0: this side keeps to the table.
        assert_eq!(numbers.give(&Codec::new("PCMA", 8000), Some(0), &[], &[]), Some(8));
        assert_eq!(numbers.give(&Codec::new("PCMA", 8000), Some(100), &[], &[]), Some(100));
        assert_eq!(numbers.given.len(), 2);
    }

    #[test]
    fn free_numbers_stay_clear_of_the_peers() {
        let theirs = RtpFormat { payload: 96, encoding: "x", clock_rate: 8000, channels: 1, fmtp: None };
        let mut numbers = Numbers::new();
        assert_eq!(numbers.give(&Codec::new("y", 8000), None, &[97], &[theirs]), Some(98));
        let names: Vec<String> = (0..100).map(|n| format!("codec{n}")).collect();
        let mut used = Vec::new();
        for name in &names {
            let codec = Codec { encoding: Text::from(name.as_str()), ..Codec::new("", 8000) };
            used.extend(numbers.give(&codec, None, &used, &[theirs]));
        }
        assert_eq!(used.len(), 32 - 2 + 29, "96 is the peer's, 98 is y's");
        assert!(used.iter().all(|number| matches!(number, 35..=63 | 97..=127)));
    }
}
