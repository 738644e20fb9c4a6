//! A STUN message that is to be sent (RFC 8489 section 6.1).

use std::net::{IpAddr, SocketAddr};

use bytes::{BufMut, Bytes, BytesMut};

use super::message::{mask128, protected_head};
use super::{Class, FINGERPRINT_MASK, Integrity, Key, MAGIC_COOKIE, TransactionId, attribute, crc32};

/// Bytes of a FINGERPRINT.
const FINGERPRINT_SIZE: usize = 8;

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
        if let (Ok(length), true) = (u16::try_from(value.len()), value.len() + 64 <= room) {
            self.attributes.put_u16(kind);
            self.attributes.put_u16(length);
            self.attributes.put_slice(value);
            self.attributes.put_bytes(0, value.len().next_multiple_of(4) - value.len());
        }
        self
    }

    /// Adds an attribute of 32 bits.
    #[must_use]
    pub fn word(self, kind: u16, value: u32) -> Self {
        self.attribute(kind, &value.to_be_bytes())
    }

    /// Adds an attribute of 64 bits.
    #[must_use]
    pub fn long(self, kind: u16, value: u64) -> Self {
        self.attribute(kind, &value.to_be_bytes())
    }

    /// Adds an XOR-MAPPED-ADDRESS.
    #[must_use]
    pub fn mapped_address(self, address: SocketAddr) -> Self {
        self.xor_address(attribute::XOR_MAPPED_ADDRESS, address)
    }

    /// Adds an address that is combined with the cookie (XOR-…).
    #[must_use]
    pub fn xor_address(self, kind: u16, address: SocketAddr) -> Self {
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
        self.attribute(kind, &value)
    }

    /// Adds an ERROR-CODE, 300 to 699.
    #[must_use]
    pub fn error(self, code: u16, reason: &str) -> Self {
        let mut value = BytesMut::new();
        value.put_u16(0);
        value.put_u8(u8::try_from((code / 100) & 7).unwrap_or(0));
        value.put_u8(u8::try_from(code % 100).unwrap_or(0));
        value.put_slice(reason.as_bytes());
        self.attribute(attribute::ERROR_CODE, &value)
    }

    /// Adds an UNKNOWN-ATTRIBUTES.
    #[must_use]
    pub fn unknown_attributes(self, kinds: impl IntoIterator<Item = u16>) -> Self {
        let value: Vec<u8> = kinds.into_iter().flat_map(u16::to_be_bytes).collect();
        self.attribute(attribute::UNKNOWN_ATTRIBUTES, &value)
    }

    /// The message without more: what FINGERPRINT would tell apart is told apart otherwise, as on a socket that only STUN uses.
    #[must_use]
    pub fn finish_bare(self) -> Bytes {
        self.write(0).freeze()
    }

    /// The message, with a FINGERPRINT at its end.
    #[must_use]
    pub fn finish(self) -> Bytes {
        let mut message = self.write(FINGERPRINT_SIZE);
        let fingerprint = crc32(&[&message]) ^ FINGERPRINT_MASK;
        message.put_u16(attribute::FINGERPRINT);
        message.put_u16(4);
        message.put_u32(fingerprint);
        message.freeze()
    }

    /// The message, vouched for with this key, and with a FINGERPRINT at its end.
    #[must_use]
    pub fn finish_with(self, integrity: Integrity, key: &Key) -> Bytes {
        let covered = self.clone().write(0);
        let end = covered.len() + 4 + integrity.size();
        let head = protected_head(&covered, end).unwrap_or_default();
        let value = integrity.compute(key, &[&head, covered.get(4..).unwrap_or_default()]);
        self.attribute(integrity.attribute(), &value).finish()
    }

    /// The header, whose length counts `more` bytes that follow, and the attributes.
    fn write(self, more: usize) -> BytesMut {
        let mut message = BytesMut::with_capacity(20 + self.attributes.len() + more);
        message.put_u16(self.kind);
        message.put_u16(u16::try_from(self.attributes.len() + more).unwrap_or(u16::MAX));
        message.put_u32(MAGIC_COOKIE);
        message.put_slice(&self.transaction.0);
        message.put_slice(&self.attributes);
        message
    }
}
