//! The payload types whose meaning RFC 3551 fixes (section 6, tables 4 and 5).

/// What a payload type number means without an `a=rtpmap`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StaticPayload {
    /// The number.
    pub payload: u8,
    /// The encoding's name.
    pub encoding: &'static str,
    /// Clock rate of the RTP timestamp in Hz.
    pub clock_rate: u32,
    /// Channels.
    pub channels: u8,
}

const fn entry(payload: u8, encoding: &'static str, clock_rate: u32, channels: u8) -> StaticPayload {
    StaticPayload { payload, encoding, clock_rate, channels }
}

/// Tables 4 and 5. G722 says 8000 although it samples at 16000 Hz (section 4.5.2).
const TABLE: &[StaticPayload] = &[
    entry(0, "PCMU", 8000, 1),
    entry(3, "GSM", 8000, 1),
    entry(4, "G723", 8000, 1),
    entry(5, "DVI4", 8000, 1),
    entry(6, "DVI4", 16000, 1),
    entry(7, "LPC", 8000, 1),
    entry(8, "PCMA", 8000, 1),
    entry(9, "G722", 8000, 1),
    entry(10, "L16", 44100, 2),
    entry(11, "L16", 44100, 1),
    entry(12, "QCELP", 8000, 1),
    entry(13, "CN", 8000, 1),
    entry(14, "MPA", 90000, 1),
    entry(15, "G728", 8000, 1),
    entry(16, "DVI4", 11025, 1),
    entry(17, "DVI4", 22050, 1),
    entry(18, "G729", 8000, 1),
    entry(25, "CelB", 90000, 1),
    entry(26, "JPEG", 90000, 1),
    entry(28, "nv", 90000, 1),
    entry(31, "H261", 90000, 1),
    entry(32, "MPV", 90000, 1),
    entry(33, "MP2T", 90000, 1),
    entry(34, "H263", 90000, 1),
];

impl StaticPayload {
    /// What this number means, if RFC 3551 says.
    #[must_use]
    pub fn of_number(payload: u8) -> Option<Self> {
        TABLE.iter().find(|entry| entry.payload == payload).copied()
    }

    /// The number of this codec, if RFC 3551 gives it one; the name is compared in any case.
    #[must_use]
    pub fn of_codec(encoding: &str, clock_rate: u32, channels: u8) -> Option<Self> {
        let is_it = |entry: &&Self| {
            entry.clock_rate == clock_rate
                && entry.channels == channels
                && entry.encoding.eq_ignore_ascii_case(encoding)
        };
        TABLE.iter().find(is_it).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_codecs_lead_to_each_other() {
        for entry in TABLE {
            assert_eq!(StaticPayload::of_number(entry.payload), Some(*entry));
            assert_eq!(StaticPayload::of_codec(entry.encoding, entry.clock_rate, entry.channels), Some(*entry));
        }
        assert_eq!(StaticPayload::of_codec("pcma", 8000, 1).map(|entry| entry.payload), Some(8));
        assert_eq!(StaticPayload::of_codec("L16", 44100, 2).map(|entry| entry.payload), Some(10));
        assert_eq!(StaticPayload::of_codec("PCMA", 16000, 1), None);
        assert_eq!(StaticPayload::of_number(2), None);
        assert_eq!(StaticPayload::of_number(96), None);
    }
}
