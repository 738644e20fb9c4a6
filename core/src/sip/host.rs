//! Hosts (RFC 3261 section 25.1 `host`; RFC 5954 for IPv6 addresses).

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use memchr::memchr;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::Text;
use super::cursor::Cursor;
use super::decimal::Address;
use super::grammar::{self, DIGIT, LABEL};

/// Where something is: an address, or a name to look up.
#[derive(Clone, Debug)]
pub enum Host {
    /// An IPv4 address.
    V4(Ipv4Addr),
    /// An IPv6 address; written in brackets.
    V6(Ipv6Addr),
    /// A domain name, as received. Compared in any case.
    Name(Text),
}

impl Host {
    /// Reads a name, an IPv4 address, or an IPv6 address in brackets.
    #[must_use]
    pub fn parse(text: &Text) -> Option<Self> {
        let mut cursor = Cursor::new(text);
        let host = Self::read(&mut cursor)?;
        cursor.is_done().then_some(host)
    }

    /// Takes a host from the cursor: as many bytes as belong to one.
    pub(crate) fn read(cursor: &mut Cursor<'_>) -> Option<Self> {
        let rest = cursor.rest();
        let start = cursor.at();
        match rest.first()? {
            b'[' => {
                let len = memchr(b']', rest)?;
                let address = v6(std::str::from_utf8(rest.get(1..len)?).ok()?)?;
                cursor.go(start + len + 1);
                return Some(Self::V6(address));
            }
            b'0'..=b'9' => {
                if let Some((address, len)) = v4(rest) {
                    cursor.go(start + len);
                    return Some(Self::V4(address));
                }
            }
            _ => {}
        }
        let len = name_len(rest)?;
        cursor.go(start + len);
        Some(Self::Name(cursor.slice(start..start + len)))
    }

    /// The address, if it is one.
    #[must_use]
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::V4(address) => Some(IpAddr::V4(*address)),
            Self::V6(address) => Some(IpAddr::V6(*address)),
            Self::Name(_) => None,
        }
    }

    /// A copy that does not keep the buffer of a message alive.
    #[must_use]
    pub fn detached(&self) -> Self {
        match self {
            Self::Name(name) => Self::Name(name.detached()),
            Self::V4(_) | Self::V6(_) => self.clone(),
        }
    }

    /// Whether it reads back as itself.
    pub(crate) fn is_sound(&self) -> bool {
        match self {
            Self::Name(name) => matches!(Self::parse(name), Some(Self::Name(_))),
            Self::V4(_) | Self::V6(_) => true,
        }
    }
}

/// The length of the name that `bytes` begin with: its labels are not empty and do not begin with a hyphen, though a dot may follow the
/// last, which is not a number.
#[inline]
fn name_len(bytes: &[u8]) -> Option<usize> {
    let mut label = 0..label_len(bytes);
    let mut len = label.end;
    while bytes.get(len) == Some(&b'.') && !label.is_empty() {
        len += 1;
        let next = label_len(bytes.get(len..).unwrap_or_default());
        if next == 0 {
            break;
        }
        label = len..len + next;
        len = label.end;
    }
    let last = bytes.get(label).unwrap_or_default();
    let is_number = last.last().is_none_or(|byte| grammar::is(*byte, DIGIT)) && grammar::run(last, DIGIT) == last.len();
    let ends = bytes.get(len).is_none_or(|byte| !matches!(byte, b'.' | b'-'));
    (!is_number && ends).then_some(len)
}

#[inline]
fn label_len(bytes: &[u8]) -> usize {
    if bytes.first() == Some(&b'-') { 0 } else { grammar::long_run(bytes, LABEL) }
}

/// The IPv6 address between the brackets; neither an IPv4 address nor a zone may stand there. The grammar of RFC 3261 lets `:::` stand in
/// front of an IPv4 address at its end, which RFC 5118 section 4.10 has us tolerate.
fn v6(text: &str) -> Option<Ipv6Addr> {
    let mended = || match text.split_once(":::") {
        Some((front, back)) if back.parse::<Ipv4Addr>().is_ok() => format!("{front}::{back}").parse().ok(),
        Some(_) | None => None,
    };
    text.parse().ok().or_else(mended)
}

/// The IPv4 address that `bytes` begin with and its length: four numbers up to 255 of one to three digits, with dots, and no character of a
/// name behind them. Leading zeros are decimal, as the grammar says.
#[inline]
fn v4(bytes: &[u8]) -> Option<(Ipv4Addr, usize)> {
    let (mut octets, mut len) = ([0; 4], 0);
    for octet in &mut octets {
        if len > 0 {
            if bytes.get(len) != Some(&b'.') {
                return None;
            }
            len += 1;
        }
        let digit =
            |at: usize| bytes.get(at).map(|byte| u16::from(byte.wrapping_sub(b'0'))).filter(|digit| *digit < 10);
        let mut number = digit(len)?;
        len += 1;
        for _ in 0..2 {
            let Some(digit) = digit(len) else { break };
            number = number * 10 + digit;
            len += 1;
        }
        *octet = u8::try_from(number).ok()?;
    }
    let ends = bytes.get(len).is_none_or(|byte| !grammar::is(*byte, LABEL) && *byte != b'.');
    ends.then(|| (Ipv4Addr::from(octets), len))
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::V4(address),
            IpAddr::V6(address) => Self::V6(address),
        }
    }
}

impl PartialEq for Host {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::V4(a), Self::V4(b)) => a == b,
            (Self::V6(a), Self::V6(b)) => a == b,
            (Self::Name(a), Self::Name(b)) => a.as_bytes().eq_ignore_ascii_case(b.as_bytes()),
            (Self::V4(_) | Self::V6(_) | Self::Name(_), _) => false,
        }
    }
}

impl Eq for Host {}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::V4(address) => f.write_str(Address::of(IpAddr::V4(*address)).as_str()),
            Self::V6(address) => write!(f, "[{address}]"),
            Self::Name(name) => f.write_str(name),
        }
    }
}

impl std::str::FromStr for Host {
    type Err = NotAHost;

    fn from_str(text: &str) -> Result<Self, NotAHost> {
        Self::parse(&Text::from(text)).ok_or(NotAHost)
    }
}

/// A text that is neither a host name nor an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("neither a host name nor an IP address")]
pub struct NotAHost;

impl Serialize for Host {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Host {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::parse(&Text::deserialize(deserializer)?).ok_or_else(|| serde::de::Error::custom(NotAHost))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(text: &str) -> Option<Host> {
        Host::parse(&Text::from(text))
    }

    #[test]
    fn addresses_and_names_are_told_apart() {
        assert_eq!(host("192.0.2.1"), Some(Host::V4(Ipv4Addr::new(192, 0, 2, 1))));
        assert_eq!(host("010.000.2.001"), Some(Host::V4(Ipv4Addr::new(10, 0, 2, 1))));
        assert_eq!(host("[2001:db8::1]").unwrap().to_string(), "[2001:db8::1]");
        assert_eq!(host("[2001:DB8:0::1]"), host("[2001:db8::1]"));
        assert_eq!(host("[::ffff:192.0.2.1]").unwrap().ip(), Some("::ffff:192.0.2.1".parse().unwrap()));
        assert_eq!(host("[2001:db8:::192.0.2.1]"), host("[2001:db8::192.0.2.1]"));
        for name in ["example.com", "localhost", "a.", "a-b.c_d.E", "1.2.3.4.example", "3com", "1.2.3.4a"] {
            assert!(matches!(host(name), Some(Host::Name(_))), "{name}");
        }
    }

    #[test]
    fn what_is_neither_is_refused() {
        let bad = [
            "",
            ".",
            "a..b",
            ".a",
            "256.1.1.1",
            "1.2.3",
            "1.2.3.4.5",
            "1234.1.1.1",
            "2001:db8::1",
            "[",
            "[]",
            "[::1",
            "::1]",
            "[1.2.3.4]",
            "[fe80::1%eth0]",
            "[:::1]",
            "[2001:db8::::192.0.2.1]",
            "[2001:db8:::1]",
            "a b",
            "a\0",
            "a;b",
            "-a",
            "a.-b",
            "exämple",
            "a@b",
        ];
        for text in bad {
            assert_eq!(host(text), None, "{text}");
        }
    }

    #[test]
    fn names_are_compared_in_any_case() {
        assert_eq!(host("Example.COM"), host("example.com"));
        assert_ne!(host("example.com"), host("example.org"));
        assert_ne!(host("127.0.0.1"), host("localhost"));
    }

    #[test]
    fn a_host_that_would_read_back_differently_is_not_sound() {
        for name in ["a;lr", "a b", "", "1.2.3.4", "[::1]", "a\r\nVia: x"] {
            assert!(!Host::Name(Text::from(name)).is_sound(), "{name}");
        }
        assert!(Host::Name(Text::from("a.example")).is_sound());
    }
}
