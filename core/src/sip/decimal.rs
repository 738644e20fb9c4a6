//! Numbers and addresses as text, without an allocation: the formatting machinery of the standard library takes many times as long.

use std::fmt::Write;
use std::net::{IpAddr, Ipv4Addr};

/// Room for what is longest: an IPv6 address with an IPv4 address at its end.
const ROOM: usize = 45;

/// Text on the stack.
struct Buffer {
    bytes: [u8; ROOM],
    len: usize,
}

impl Buffer {
    const fn new() -> Self {
        Self { bytes: [0; ROOM], len: 0 }
    }

    fn push(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Writes a number without leading zeros.
    fn number(&mut self, number: u16) {
        let mut leads = true;
        for place in [10_000, 1_000, 100, 10, 1] {
            let digit = number / place % 10;
            leads &= digit == 0 && place > 1;
            if !leads {
                self.push(b'0' + u8::try_from(digit).unwrap_or_default());
            }
        }
    }

    fn as_str(&self) -> &str {
        let bytes = self.bytes.get(..self.len).unwrap_or_default();
        std::str::from_utf8(bytes).unwrap_or_default()
    }
}

impl Write for Buffer {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        text.bytes().for_each(|byte| self.push(byte));
        Ok(())
    }
}

/// A number of 16 bits as text.
pub(crate) struct Digits(Buffer);

impl Digits {
    pub(crate) fn of(number: u16) -> Self {
        let mut buffer = Buffer::new();
        buffer.number(number);
        Self(buffer)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// An address as text, an IPv6 address without brackets.
pub(crate) struct Address(Buffer);

impl Address {
    pub(crate) fn of(address: IpAddr) -> Self {
        let mut buffer = Buffer::new();
        match address {
            IpAddr::V4(address) => v4(&mut buffer, address),
            // The buffer has room for every address.
            IpAddr::V6(address) => drop(write!(buffer, "{address}")),
        }
        Self(buffer)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

fn v4(buffer: &mut Buffer, address: Ipv4Addr) {
    for (at, octet) in address.octets().into_iter().enumerate() {
        if at > 0 {
            buffer.push(b'.');
        }
        buffer.number(u16::from(octet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    #[test]
    fn numbers_are_written_as_the_standard_library_writes_them() {
        for number in 0..=u16::MAX {
            assert_eq!(Digits::of(number).as_str(), number.to_string());
        }
    }

    #[test]
    fn addresses_are_written_as_the_standard_library_writes_them() {
        for address in [[0, 0, 0, 0], [192, 0, 2, 10], [255, 255, 255, 255], [10, 100, 0, 9]].map(IpAddr::from) {
            assert_eq!(Address::of(address).as_str(), address.to_string());
        }
        let long = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff, 0xffff);
        for address in ["::", "::1", "::ffff:192.0.2.1", "2001:db8::1", &long.to_string()] {
            let address: IpAddr = address.parse().unwrap();
            assert_eq!(Address::of(address).as_str(), address.to_string());
        }
    }
}
