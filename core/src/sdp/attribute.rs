//! Attributes with fields: `rtpmap`, `fmtp` (RFC 8866 sections 6.6 and 6.15) and `rtcp` (RFC 3605).
//!
//! An attribute that does not read is as good as absent: it never makes the description an error.

use std::fmt;
use std::net::IpAddr;

use crate::sip::Text;

use super::line::{Connection, Fields, is_token, number, split_at_byte};

/// An attribute of a description that is built: `a=name` or `a=name:value`.
#[derive(Clone, PartialEq, Eq)]
pub struct Attribute {
    /// The name, a token.
    pub name: Text,
    /// What follows the colon.
    pub value: Option<Text>,
}

impl Attribute {
    /// `a=name:value`.
    #[must_use]
    pub fn new(name: &'static str, value: impl Into<Text>) -> Self {
        Self { name: Text::from_static(name), value: Some(value.into()) }
    }

    /// `a=name`.
    #[must_use]
    pub const fn flag(name: &'static str) -> Self {
        Self { name: Text::from_static(name), value: None }
    }
}

impl fmt::Debug for Attribute {
    /// Prints the attribute without the key in it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.value {
            Some(value) => write!(f, "a={}:{}", self.name, without_key(&self.name, value)),
            None => write!(f, "a={}", self.name),
        }
    }
}

/// An attribute's value without the key in it: SRTP's (`crypto`, RFC 4568) or ICE's (`ice-pwd`, RFC 8839).
pub(super) fn without_key<'a>(name: &str, value: &'a str) -> &'a str {
    match name {
        "crypto" => value.split("inline:").next().unwrap_or_default(),
        "ice-pwd" => "..",
        _ => value,
    }
}

/// What codec a payload type number stands for (`a=rtpmap`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtpmap<'a> {
    /// The payload type, 0 to 127.
    pub payload: u8,
    /// The encoding's name.
    pub encoding: &'a str,
    /// Clock rate of the RTP timestamp in Hz; never 0.
    pub clock_rate: u32,
    /// Channels; never 0, and 1 when the attribute does not say.
    pub channels: u8,
}

impl<'a> Rtpmap<'a> {
    /// Reads what follows `rtpmap:`; `None` when it does not read.
    #[must_use]
    pub fn read(value: &'a str) -> Option<Self> {
        let mut fields = Fields::new(value);
        let payload = payload_type(fields.next()?.1)?;
        let (encoding, numbers) = split_at_byte(fields.rest(), b'/')?;
        let (clock_rate, channels) = split_at_byte(numbers, b'/').map_or((numbers, ""), |both| both);
        let clock_rate = number(clock_rate).and_then(|rate| u32::try_from(rate).ok()).filter(|rate| *rate > 0)?;
        let channels = match channels {
            "" => 1,
            digits => number(digits).and_then(|count| u8::try_from(count).ok()).filter(|count| *count > 0)?,
        };
        if !is_token(encoding) {
            return None;
        }
        Some(Self { payload, encoding, clock_rate, channels })
    }
}

/// A payload type number, 0 to 127.
pub(super) fn payload_type(text: &str) -> Option<u8> {
    number(text).and_then(|payload| u8::try_from(payload).ok()).filter(|payload| *payload < 128)
}

/// Parameters of a format (`a=fmtp`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fmtp<'a> {
    /// The format, as in the media line.
    pub format: &'a str,
    /// The parameters, which only the format understands.
    pub parameters: &'a str,
}

impl<'a> Fmtp<'a> {
    /// Reads what follows `fmtp:`; `None` when it does not read.
    #[must_use]
    pub fn read(value: &'a str) -> Option<Self> {
        let mut fields = Fields::new(value);
        let (_, format) = fields.next()?;
        let parameters = fields.rest();
        if parameters.is_empty() { None } else { Some(Self { format, parameters }) }
    }
}

/// Where RTCP is to be sent when that is not the port after RTP's (`a=rtcp`, RFC 3605).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rtcp {
    /// The port; never 0.
    pub port: u16,
    /// The address, when it is another than RTP's.
    pub address: Option<IpAddr>,
}

impl Rtcp {
    /// Reads what follows `rtcp:`; `None` when it does not read.
    #[must_use]
    pub fn read(value: &str) -> Option<Self> {
        let mut fields = Fields::new(value);
        let port = number(fields.next()?.1).and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)?;
        let address = match fields.rest() {
            "" => None,
            connection => Some(Connection::read(connection).ok()?.ip()?),
        };
        Some(Self { port, address })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_do_not_print() {
        let crypto = Attribute::new("crypto", "1 AES_CM_128_HMAC_SHA1_80 inline:secret");
        assert_eq!(format!("{crypto:?}"), "a=crypto:1 AES_CM_128_HMAC_SHA1_80 ");
        assert_eq!(format!("{:?}", Attribute::new("ice-pwd", "secret")), "a=ice-pwd:..");
        assert_eq!(format!("{:?}", Attribute::new("x", "y")), "a=x:y");
        assert_eq!(format!("{:?}", Attribute::flag("rtcp-mux")), "a=rtcp-mux");
    }

    #[test]
    fn rtpmaps_that_do_not_read_are_none() {
        assert_eq!(
            Rtpmap::read("113 opus/48000/2"),
            Some(Rtpmap { payload: 113, encoding: "opus", clock_rate: 48000, channels: 2 })
        );
        assert_eq!(
            Rtpmap::read("0 PCMU/8000 "),
            Some(Rtpmap { payload: 0, encoding: "PCMU", clock_rate: 8000, channels: 1 })
        );
        for value in [
            "",
            "0",
            "0 ",
            "0 PCMU",
            "0 PCMU/0",
            "0 PCMU/x",
            "0 PCMU/4294967296",
            "128 PCMU/8000",
            "-1 PCMU/8000",
            "0 PCMU/8000/0",
            "0 PCMU/8000/4294967296",
            "0 /8000",
            "x PCMU/8000",
        ] {
            assert_eq!(Rtpmap::read(value), None, "{value:?}");
        }
    }

    #[test]
    fn fmtps_need_a_format_and_parameters() {
        assert_eq!(Fmtp::read("101 0-16 "), Some(Fmtp { format: "101", parameters: "0-16" }));
        assert_eq!(Fmtp::read("101"), None);
        assert_eq!(Fmtp::read("101 "), None);
    }

    #[test]
    fn rtcp_has_a_port_and_perhaps_an_address() {
        assert_eq!(Rtcp::read("53020"), Some(Rtcp { port: 53020, address: None }));
        assert_eq!(
            Rtcp::read("53020 IN IP6 2001:db8::1"),
            Some(Rtcp { port: 53020, address: Some("2001:db8::1".parse().unwrap()) })
        );
        for value in ["", "0", "65536", "x", "1 IN", "1 IN IP4 host.example.com"] {
            assert_eq!(Rtcp::read(value), None, "{value:?}");
        }
    }
}
