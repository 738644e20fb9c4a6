//! The lines of a session description that have fields: `o=`, `c=`, `b=`, `t=` and `m=` (RFC 8866 sections 5.2, 5.7 to 5.9 and 5.14).
//!
//! Each reader takes the text after the `=`, and is used twice: by the parser, which refuses a description with a line that
//! does not read, and by the accessors, which read the line again when it is asked for. Fields may be apart by more than one
//! space, and spaces may follow the last one, because peers do that.

use std::net::IpAddr;

/// Why a line does not read, and where: the byte offset in its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BadField {
    pub(super) at: usize,
}

/// The fields of a line, apart by spaces: each with the offset at which it begins.
#[derive(Clone)]
pub(super) struct Fields<'a> {
    value: &'a str,
    at: usize,
}

impl<'a> Fields<'a> {
    pub(super) const fn new(value: &'a str) -> Self {
        Self { value, at: 0 }
    }

    /// The next field, which must be there.
    pub(super) fn required(&mut self) -> Result<(usize, &'a str), BadField> {
        self.next().ok_or(BadField { at: self.value.len() })
    }

    /// Refuses anything but spaces.
    fn end(&mut self) -> Result<(), BadField> {
        self.next().map_or(Ok(()), |(at, _)| Err(BadField { at }))
    }

    /// What is left, without the spaces around it.
    pub(super) fn rest(&self) -> &'a str {
        trim(self.value.get(self.at..).unwrap_or_default())
    }
}

impl<'a> Iterator for Fields<'a> {
    type Item = (usize, &'a str);

    fn next(&mut self) -> Option<(usize, &'a str)> {
        let bytes = self.value.as_bytes();
        let mut start = self.at;
        while bytes.get(start).is_some_and(|b| is_space(*b)) {
            start += 1;
        }
        let mut end = start;
        while bytes.get(end).is_some_and(|b| !is_space(*b)) {
            end += 1;
        }
        self.at = end;
        if start == end { None } else { self.value.get(start..end).map(|field| (start, field)) }
    }
}

const fn is_space(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

/// The text without the spaces around it.
pub(super) fn trim(text: &str) -> &str {
    let bytes = text.as_bytes();
    let (mut start, mut end) = (0, bytes.len());
    while end > start && bytes.get(end - 1).is_some_and(|b| is_space(*b)) {
        end -= 1;
    }
    while start < end && bytes.get(start).is_some_and(|b| is_space(*b)) {
        start += 1;
    }
    text.get(start..end).unwrap_or_default()
}

/// A number of digits only: no sign, no space.
pub(super) fn number(text: &str) -> Option<u64> {
    if text.is_empty() {
        return None;
    }
    text.bytes().try_fold(0_u64, |sum, b| {
        if b.is_ascii_digit() { sum.checked_mul(10)?.checked_add(u64::from(b - b'0')) } else { None }
    })
}

/// The bytes of a `token` (RFC 8866 section 9).
const TOKEN: [bool; 256] = {
    let mut table = [false; 256];
    let mut byte = 0_u8;
    while byte < 128 {
        let is_token =
            matches!(byte, b'!' | b'#'..=b'\'' | b'*' | b'+' | b'-' | b'.' | b'0'..=b'9' | b'A'..=b'Z' | b'^'..=b'~');
        #[expect(clippy::indexing_slicing, reason = "a table of all bytes, filled when it is compiled")]
        {
            table[byte as usize] = is_token;
        }
        byte += 1;
    }
    table
};

fn is_token_byte(byte: u8) -> bool {
    TOKEN.get(usize::from(byte)).copied().unwrap_or_default()
}

/// Whether this is a `token` of the grammar (RFC 8866 section 9).
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// Whether this is tokens apart by `/`, as a transport protocol is.
pub(super) fn is_protocol(text: &str) -> bool {
    let mut in_token = false;
    let fits = text.bytes().all(|byte| {
        let separates = byte == b'/';
        let fits = if separates { in_token } else { is_token_byte(byte) };
        in_token = !separates;
        fits
    });
    fits && in_token
}

/// The text before and after the first `byte`.
pub(super) fn split_at_byte(text: &str, byte: u8) -> Option<(&str, &str)> {
    let at = text.bytes().position(|b| b == byte)?;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Who made the description, and which version of it this is (`o=`, RFC 8866 section 5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin<'a> {
    /// The user's name on the host; `-` for none. Some peers have spaces in it.
    pub username: &'a str,
    /// The session's number: digits, of any length.
    pub session_id: &'a str,
    /// The version's number: digits, of any length.
    pub version: &'a str,
    /// The network type: `IN`.
    pub network_type: &'a str,
    /// The address type: `IP4` or `IP6`.
    pub address_type: &'a str,
    /// An address or a name of the host.
    pub address: &'a str,
}

impl<'a> Origin<'a> {
    pub(super) fn read(value: &'a str) -> Result<Self, BadField> {
        let mut rest = trim(value);
        // From the right, because the username of some peers has spaces.
        let mut last = || {
            let at = rest.bytes().rposition(is_space).ok_or(BadField { at: value.len() })?;
            let field = rest.get(at + 1..).unwrap_or_default();
            rest = trim(rest.get(..at).unwrap_or_default());
            Ok(field)
        };
        let (address, address_type, network_type) = (last()?, last()?, last()?);
        let (version, session_id) = (last()?, last()?);
        let username = rest;
        Ok(Self { username, session_id, version, network_type, address_type, address })
    }

    /// The version as a number, if it fits.
    #[must_use]
    pub fn version_number(&self) -> Option<u64> {
        number(self.version)
    }

    /// The session's number, if it fits.
    #[must_use]
    pub fn session_number(&self) -> Option<u64> {
        number(self.session_id)
    }
}

/// Where media is to be sent (`c=`, RFC 8866 section 5.7).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Connection<'a> {
    /// The network type: `IN`.
    pub network_type: &'a str,
    /// The address type: `IP4` or `IP6`.
    pub address_type: &'a str,
    /// An address or a name; multicast addresses with `/ttl` and `/count`.
    pub address: &'a str,
}

impl<'a> Connection<'a> {
    pub(super) fn read(value: &'a str) -> Result<Self, BadField> {
        let mut fields = Fields::new(value);
        let (_, network_type) = fields.required()?;
        let (_, address_type) = fields.required()?;
        let (_, address) = fields.required()?;
        fields.end()?;
        Ok(Self { network_type, address_type, address })
    }

    /// The address, without `/ttl`; `None` when it is a name.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        split_at_byte(self.address, b'/').map_or(self.address, |(address, _)| address).parse().ok()
    }
}

/// Bandwidth that is proposed (`b=`, RFC 8866 section 5.8).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth<'a> {
    /// The kind: `CT`, `AS`, `TIAS` …
    pub kind: &'a str,
    /// The value, in kilobits per second unless the kind says otherwise.
    pub value: u64,
}

impl<'a> Bandwidth<'a> {
    pub(super) fn read(value: &'a str) -> Result<Self, BadField> {
        let (kind, digits) = split_at_byte(value, b':').ok_or(BadField { at: value.len() })?;
        let amount = number(trim(digits)).ok_or(BadField { at: kind.len() + 1 })?;
        if is_token(kind) { Ok(Self { kind, value: amount }) } else { Err(BadField { at: 0 }) }
    }
}

/// When the session is active (`t=`, RFC 8866 section 5.9), in NTP seconds; `0 0` in an offer and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Time {
    /// The start.
    pub start: u64,
    /// The end.
    pub stop: u64,
}

impl Time {
    pub(super) fn read(value: &str) -> Result<Self, BadField> {
        let mut fields = Fields::new(value);
        let mut time = || fields.required().and_then(|(at, digits)| number(digits).ok_or(BadField { at }));
        let (start, stop) = (time()?, time()?);
        fields.end()?;
        Ok(Self { start, stop })
    }
}

/// The fields of a media line (`m=`, RFC 8866 section 5.14).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct MediaLine<'a> {
    pub(super) media: &'a str,
    pub(super) port: u16,
    pub(super) port_count: u32,
    pub(super) protocol: &'a str,
    pub(super) formats: &'a str,
}

impl<'a> MediaLine<'a> {
    /// Reads a line that the parser or the builder has checked.
    pub(super) fn checked(value: &'a str) -> Result<Self, BadField> {
        Self::fields(value).map(|(line, _)| line)
    }

    pub(super) fn read(value: &'a str) -> Result<Self, BadField> {
        let (line, protocol_at) = Self::fields(value)?;
        if !is_token(line.media) {
            Err(BadField { at: 0 })
        } else if !is_protocol(line.protocol) {
            Err(BadField { at: protocol_at })
        } else if line.formats.is_empty() && line.port != 0 {
            // Peers that reject a stream leave its formats out, although the grammar wants one.
            Err(BadField { at: value.len() })
        } else {
            Ok(line)
        }
    }

    /// The fields of the line, and the offset of the protocol.
    fn fields(value: &'a str) -> Result<(Self, usize), BadField> {
        let mut fields = Fields::new(value);
        let (_, media) = fields.required()?;
        let (at, ports) = fields.required()?;
        let (port, count) = split_at_byte(ports, b'/').map_or((ports, None), |(port, count)| (port, Some(count)));
        let port = number(port).and_then(|port| u16::try_from(port).ok()).ok_or(BadField { at })?;
        let port_count = match count {
            None => 1,
            Some(count) => number(count)
                .and_then(|count| u32::try_from(count).ok())
                .filter(|count| *count > 0)
                .ok_or(BadField { at })?,
        };
        let (at, protocol) = fields.required()?;
        Ok((Self { media, port, port_count, protocol, formats: fields.rest() }, at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_read_from_the_right() {
        let origin = Origin::read("Cisco SIP UA 1234 99 IN IP6 2001:db8::1 ").unwrap();
        assert_eq!(origin.username, "Cisco SIP UA");
        assert_eq!((origin.session_number(), origin.version_number()), (Some(1234), Some(99)));
        assert_eq!((origin.network_type, origin.address_type, origin.address), ("IN", "IP6", "2001:db8::1"));
        assert_eq!(Origin::read("- 1 2 IN IP4"), Err(BadField { at: 12 }));
        let long = Origin::read("- 18446744073709551616 2 IN IP4 host").unwrap();
        assert_eq!((long.session_id, long.session_number()), ("18446744073709551616", None));
    }

    #[test]
    fn a_connection_has_three_fields() {
        let address = |value| Connection::read(value).unwrap().ip();
        assert_eq!(address("IN IP4 192.0.2.1"), Some("192.0.2.1".parse().unwrap()));
        assert_eq!(address("IN IP4 233.252.0.1/127/3"), Some("233.252.0.1".parse().unwrap()));
        assert_eq!(address("IN  IP6 ff00::db8:0:101/3 "), Some("ff00::db8:0:101".parse().unwrap()));
        assert_eq!(address("IN IP4 alice.example.com"), None);
        assert_eq!(Connection::read("IN IP4"), Err(BadField { at: 6 }));
        assert_eq!(Connection::read("IN IP4 192.0.2.1 x"), Err(BadField { at: 17 }));
    }

    #[test]
    fn times_and_bandwidths_are_numbers() {
        assert_eq!(Time::read("3034423619 3042462419"), Ok(Time { start: 3_034_423_619, stop: 3_042_462_419 }));
        assert_eq!(Time::read("0 -1"), Err(BadField { at: 2 }));
        assert_eq!(Time::read("0"), Err(BadField { at: 1 }));
        assert_eq!(Bandwidth::read("X-YZ:128"), Ok(Bandwidth { kind: "X-YZ", value: 128 }));
        assert_eq!(Bandwidth::read("AS:"), Err(BadField { at: 3 }));
        assert_eq!(Bandwidth::read("64"), Err(BadField { at: 2 }));
    }

    #[test]
    fn a_media_line_has_a_type_a_port_a_protocol_and_formats() {
        let line = MediaLine::read("video  49170/2 RTP/AVP 31  99 ").unwrap();
        assert_eq!((line.media, line.port, line.port_count), ("video", 49170, 2));
        assert_eq!((line.protocol, line.formats), ("RTP/AVP", "31  99"));
        assert!(MediaLine::read("audio 0 RTP/AVP").is_ok());
        for (value, at) in [
            ("audio 65536 RTP/AVP 0", 6),
            ("audio -1 RTP/AVP 0", 6),
            ("audio 99999999999999999999 RTP/AVP 0", 6),
            ("audio 1/0 RTP/AVP 0", 6),
            ("audio 1/ RTP/AVP 0", 6),
            ("audio 1 RTP//AVP 0", 8),
            ("au(dio 1 RTP/AVP 0", 0),
            ("audio 1 RTP/AVP ", 16),
            ("audio 1", 7),
            ("", 0),
        ] {
            assert_eq!(MediaLine::read(value), Err(BadField { at }), "{value}");
        }
    }
}
