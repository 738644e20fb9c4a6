//! A STUN message that is to be sent (RFC 8489 section 6.1).

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

use super::message::mask128;
use super::{Class, FINGERPRINT_MASK, MAGIC_COOKIE, TransactionId, attribute, crc32};

/// Builds a message.
///
/// ```
/// use sipsimple_core::stun::{BINDING, Builder, Class, Message, TransactionId};
///
/// let mapped = "192.0.2.1:32853".parse()?;
/// let answer = Builder::new(Class::Success, BINDING, TransactionId([7; 12])).mapped_address(mapped).finish();
/// let read = Message::parse(answer)?;
/// assert_eq!((read.class(), read.mapped_address()), (Class::Success, Some(mapped)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Builder {
    kind: u16,
    transaction: TransactionId,
    attributes: BytesMut,
}

impl Builder {
    /// A message without attributes. Of the method 12 bits count.
    #[must_use]
    pub fn new(class: Class, method: u16, transaction: TransactionId) -> Self {
        let method = (method & 0x000f) | ((method & 0x0070) << 1) | ((method & 0x0f80) << 2);
        Self { kind: method | class.bits(), transaction, attributes: BytesMut::new() }
    }

    /// Adds an attribute. One that would make the message longer than its header can tell is left out.
    #[must_use]
    pub fn attribute(mut self, kind: u16, value: &[u8]) -> Self {
        let room = usize::from(u16::MAX) - self.attributes.len();
        if let (Ok(length), true) = (u16::try_from(value.len()), value.len() + 16 <= room) {
            self.attributes.put_u16(kind);
            self.attributes.put_u16(length);
            self.attributes.put_slice(value);
            self.attributes.put_bytes(0, value.len().next_multiple_of(4) - value.len());
        }
        self
    }

    /// Adds an XOR-MAPPED-ADDRESS.
    #[must_use]
    pub fn mapped_address(self, address: SocketAddr) -> Self {
        let mut value = BytesMut::new();
        value.put_u8(0);
        match address.ip() {
            IpAddr::V4(ip) => {
                value.put_u8(1);
                value.put_u16(address.port() ^ 0x2112);
                value.put_u32(ip.to_bits() ^ MAGIC_COOKIE);
            }
            IpAddr::V6(ip) => {
                value.put_u8(2);
                value.put_u16(address.port() ^ 0x2112);
                value.put_u128(ip.to_bits() ^ mask128(self.transaction));
            }
        }
        self.attribute(attribute::XOR_MAPPED_ADDRESS, &value)
    }

    /// The message, with a FINGERPRINT at its end.
    #[must_use]
    pub fn finish(self) -> Bytes {
        let mut message = BytesMut::with_capacity(28 + self.attributes.len());
        message.put_u16(self.kind);
        // The length counts the FINGERPRINT already when that is computed.
        message.put_u16(u16::try_from(self.attributes.len() + 8).unwrap_or(u16::MAX));
        message.put_u32(MAGIC_COOKIE);
        message.put_slice(&self.transaction.0);
        message.put_slice(&self.attributes);
        let fingerprint = crc32(&[&message]) ^ FINGERPRINT_MASK;
        message.put_u16(attribute::FINGERPRINT);
        message.put_u16(4);
        message.put_u32(fingerprint);
        message.freeze()
    }
}
