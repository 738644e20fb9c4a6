//! A STUN message that came (RFC 8489 sections 5, 6.3 and 14).

use std::fmt;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::ops::Range;

use bytes::Bytes;

use super::{BINDING, FINGERPRINT_MASK, Integrity, Key, MAGIC_COOKIE, attribute, crc32};
use crate::random::Random;

/// Attributes of one message that are looked at; a message with more is refused.
const ATTRIBUTES: usize = 64;

/// Bytes of the header.
const HEADER: usize = 20;

/// The identifier of a transaction: 96 bits that nobody can guess.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TransactionId(pub [u8; 12]);

impl TransactionId {
    /// Draws one.
    pub fn random(random: &mut Random) -> Self {
        let mut bytes = [0; 12];
        random.fill(&mut bytes);
        Self(bytes)
    }
}

impl fmt::Debug for TransactionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// What kind of message it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A request.
    Request,
    /// An indication, which nobody answers.
    Indication,
    /// The response to a request that succeeded.
    Success,
    /// The response to a request that failed.
    Error,
}

impl Class {
    /// Bits 4 and 8 of the message type.
    pub(super) const fn bits(self) -> u16 {
        match self {
            Self::Request => 0,
            Self::Indication => 0x0010,
            Self::Success => 0x0100,
            Self::Error => 0x0110,
        }
    }
}

/// Why these bytes are no STUN message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StunError {
    /// The first bits, the magic cookie or the length are not those of STUN.
    #[error("not a STUN message")]
    NotStun,
    /// An attribute does not fit into what is left.
    #[error("the attribute at byte {0} does not fit")]
    Attribute(usize),
    /// There are too many attributes.
    #[error("too many attributes")]
    TooMany,
    /// Something follows the FINGERPRINT.
    #[error("something follows the FINGERPRINT")]
    AfterFingerprint,
    /// The FINGERPRINT is not that of the message.
    #[error("the FINGERPRINT is wrong")]
    Fingerprint,
}

/// A STUN message. Its attributes stay in the bytes that came.
#[derive(Clone, Debug)]
pub struct Message {
    class: Class,
    method: u16,
    transaction: TransactionId,
    data: Bytes,
    attributes: Vec<(u16, Range<usize>)>,
}

/// How far the attributes read so far are vouched for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protected {
    Nothing,
    Sha1,
    Sha256,
}

impl Protected {
    /// Whether an attribute of this type counts behind what was read.
    const fn admits(self, kind: u16) -> bool {
        match self {
            Self::Nothing => true,
            Self::Sha1 => matches!(kind, attribute::MESSAGE_INTEGRITY_SHA256 | attribute::FINGERPRINT),
            Self::Sha256 => kind == attribute::FINGERPRINT,
        }
    }
}

impl Message {
    /// Reads the one message that `data` must be. Of attributes of one type the first counts, and those behind a MESSAGE-INTEGRITY count only if
    /// they are a MESSAGE-INTEGRITY-SHA256 or the FINGERPRINT, which must be right where there is one (RFC 8489 sections 14 and 14.5 to 14.7).
    ///
    /// # Errors
    /// When it is none.
    pub fn parse(data: Bytes) -> Result<Self, StunError> {
        let kind = word16(&data, 0).ok_or(StunError::NotStun)?;
        let length = usize::from(word16(&data, 2).ok_or(StunError::NotStun)?);
        let id = data.get(8..HEADER).and_then(|id| id.try_into().ok()).ok_or(StunError::NotStun)?;
        let is_stun = kind & 0xc000 == 0 && word32(&data, 4) == Some(MAGIC_COOKIE);
        if !is_stun || !length.is_multiple_of(4) || data.len() != HEADER + length {
            return Err(StunError::NotStun);
        }
        let class = match kind & 0x0110 {
            0 => Class::Request,
            0x0010 => Class::Indication,
            0x0100 => Class::Success,
            _ => Class::Error,
        };
        let method = (kind & 0x000f) | ((kind & 0x00e0) >> 1) | ((kind & 0x3e00) >> 2);
        let mut message = Self { class, method, transaction: TransactionId(id), data, attributes: Vec::new() };
        message.read_attributes()?;
        Ok(message)
    }

    fn read_attributes(&mut self) -> Result<(), StunError> {
        let (mut at, mut protected) = (HEADER, Protected::Nothing);
        while at < self.data.len() {
            let error = StunError::Attribute(at);
            let kind = word16(&self.data, at).ok_or(error)?;
            let length = usize::from(word16(&self.data, at + 2).ok_or(error)?);
            let value = at + 4..at + 4 + length;
            let bytes = self.data.get(value.clone()).ok_or(error)?;
            let next = value.end.next_multiple_of(4);
            if kind == attribute::FINGERPRINT {
                let shown = word32(bytes, 0).filter(|_| length == 4).ok_or(error)?;
                if next != self.data.len() {
                    return Err(StunError::AfterFingerprint);
                }
                let covered = self.data.get(..at).unwrap_or_default();
                if crc32(&[covered]) ^ FINGERPRINT_MASK != shown {
                    return Err(StunError::Fingerprint);
                }
            }
            if protected.admits(kind) {
                if self.attributes.len() >= ATTRIBUTES {
                    return Err(StunError::TooMany);
                }
                self.attributes.push((kind, value));
            }
            match kind {
                attribute::MESSAGE_INTEGRITY if protected == Protected::Nothing => protected = Protected::Sha1,
                attribute::MESSAGE_INTEGRITY_SHA256 => protected = Protected::Sha256,
                _ => {}
            }
            at = next;
        }
        // Padding that is not there.
        if at == self.data.len() { Ok(()) } else { Err(StunError::Attribute(at)) }
    }

    /// What kind of message it is.
    #[must_use]
    pub const fn class(&self) -> Class {
        self.class
    }

    /// Its method.
    #[must_use]
    pub const fn method(&self) -> u16 {
        self.method
    }

    /// The identifier of its transaction.
    #[must_use]
    pub const fn transaction(&self) -> TransactionId {
        self.transaction
    }

    /// Whether it is of the method Binding.
    #[must_use]
    pub const fn is_binding(&self) -> bool {
        self.method == BINDING
    }

    /// The value of the first attribute of this type.
    #[must_use]
    pub fn attribute(&self, kind: u16) -> Option<&[u8]> {
        let (_, value) = self.attributes.iter().find(|(known, _)| *known == kind)?;
        self.data.get(value.clone())
    }

    /// Whether it carries a FINGERPRINT, which then is right.
    #[must_use]
    pub fn has_fingerprint(&self) -> bool {
        self.attribute(attribute::FINGERPRINT).is_some()
    }

    /// The value of an attribute that is text; `None` as well when it is not UTF-8.
    #[must_use]
    pub fn text(&self, kind: u16) -> Option<&str> {
        std::str::from_utf8(self.attribute(kind)?).ok()
    }

    /// The value of an attribute of 32 bits.
    #[must_use]
    pub fn word(&self, kind: u16) -> Option<u32> {
        self.attribute(kind)?.try_into().ok().map(u32::from_be_bytes)
    }

    /// The value of an attribute of 64 bits.
    #[must_use]
    pub fn long(&self, kind: u16) -> Option<u64> {
        self.attribute(kind)?.try_into().ok().map(u64::from_be_bytes)
    }

    /// The address in the first attribute of this type, one of those that are combined with the cookie (XOR-…).
    #[must_use]
    pub fn xor_address(&self, kind: u16) -> Option<SocketAddr> {
        address(self.attribute(kind)?, Some(self.transaction))
    }

    /// The value of an attribute as a slice of the message.
    #[must_use]
    pub fn slice(&self, kind: u16) -> Option<Bytes> {
        let (_, value) = self.attributes.iter().find(|(known, _)| *known == kind)?;
        self.data.get(value.clone())?;
        Some(self.data.slice(value.clone()))
    }

    /// The address in the first attribute of this type, one of those that stand as they are.
    #[must_use]
    pub fn plain_address(&self, kind: u16) -> Option<SocketAddr> {
        address(self.attribute(kind)?, None)
    }

    /// How the message is protected: by the stronger of what it carries.
    #[must_use]
    pub fn integrity(&self) -> Option<Integrity> {
        let has = |kind| self.attribute(kind).is_some();
        if has(attribute::MESSAGE_INTEGRITY_SHA256) {
            Some(Integrity::Sha256)
        } else if has(attribute::MESSAGE_INTEGRITY) {
            Some(Integrity::Sha1)
        } else {
            None
        }
    }

    /// Whether the message is vouched for by this key: its MESSAGE-INTEGRITY-SHA256, or else its MESSAGE-INTEGRITY, is there and right (RFC 8489 sections 9.1.3 and 9.2.4).
    #[must_use]
    pub fn is_from(&self, key: &Key) -> bool {
        self.integrity().is_some_and(|integrity| self.check(integrity, key).is_some_and(|right| right))
    }

    fn check(&self, integrity: Integrity, key: &Key) -> Option<bool> {
        let (_, value) = self.attributes.iter().find(|(kind, _)| *kind == integrity.attribute())?;
        let covered = self.data.get(..value.start.checked_sub(4)?)?;
        let head = protected_head(covered, value.end)?;
        Some(integrity.is_right(key, &[&head, covered.get(4..)?], self.data.get(value.clone())?))
    }

    /// The address from which a server saw the request come: XOR-MAPPED-ADDRESS, or MAPPED-ADDRESS of old servers (RFC 8489 section 14.2).
    #[must_use]
    pub fn mapped_address(&self) -> Option<SocketAddr> {
        match self.attribute(attribute::XOR_MAPPED_ADDRESS) {
            Some(value) => address(value, Some(self.transaction)),
            None => address(self.attribute(attribute::MAPPED_ADDRESS)?, None),
        }
    }

    /// The status code of an error response, 300 to 699.
    #[must_use]
    pub fn error_code(&self) -> Option<u16> {
        match *self.attribute(attribute::ERROR_CODE)?.get(..4)? {
            [_, _, class, number] if (3..=6).contains(&(class & 7)) && number < 100 => {
                Some(u16::from(class & 7) * 100 + u16::from(number))
            }
            _ => None,
        }
    }

    /// The reason phrase of an error response; empty where there is none that reads.
    #[must_use]
    pub fn error_reason(&self) -> &str {
        let reason = self.attribute(attribute::ERROR_CODE).and_then(|value| value.get(4..)).unwrap_or_default();
        std::str::from_utf8(reason).unwrap_or_default()
    }

    /// The types in an UNKNOWN-ATTRIBUTES.
    pub fn unknown_attributes(&self) -> impl Iterator<Item = u16> + '_ {
        let value = self.attribute(attribute::UNKNOWN_ATTRIBUTES).unwrap_or_default();
        value.chunks_exact(2).filter_map(|kind| kind.try_into().ok().map(u16::from_be_bytes))
    }

    /// The types of attributes that must be understood, and that are not in `known` (RFC 8489 section 6.3.1).
    pub fn not_understood<'a>(&'a self, known: &'a [u16]) -> impl Iterator<Item = u16> + 'a {
        self.attributes.iter().map(|(kind, _)| *kind).filter(|kind| *kind < 0x8000 && !known.contains(kind))
    }
}

/// The first word of a message as it is when its integrity is computed: the length ends with the attribute of the integrity, at byte `end`.
pub(super) fn protected_head(covered: &[u8], end: usize) -> Option<[u8; 4]> {
    let length = u16::try_from(end.checked_sub(HEADER)?).ok()?.to_be_bytes();
    match (covered.get(..2)?, length) {
        (&[a, b], [c, d]) => Some([a, b, c, d]),
        _ => None,
    }
}

/// An address attribute, combined with the cookie and the transaction's identifier if that is given.
fn address(value: &[u8], combined: Option<TransactionId>) -> Option<SocketAddr> {
    let family = *value.get(1)?;
    let (mut port, octets) = (word16(value, 2)?, value.get(4..)?);
    if combined.is_some() {
        port ^= 0x2112;
    }
    let ip = match family {
        1 => {
            let mask = if combined.is_some() { MAGIC_COOKIE } else { 0 };
            let octets: [u8; 4] = octets.try_into().ok()?;
            IpAddr::from((u32::from_be_bytes(octets) ^ mask).to_be_bytes())
        }
        2 => {
            let octets: [u8; 16] = octets.try_into().ok()?;
            let mask = combined.map_or(0, mask128);
            IpAddr::from(Ipv6Addr::from_bits(u128::from_be_bytes(octets) ^ mask))
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// The cookie, followed by the transaction's identifier.
pub(super) fn mask128(TransactionId(id): TransactionId) -> u128 {
    id.iter().fold(u128::from(MAGIC_COOKIE), |mask, byte| (mask << 8) | u128::from(*byte))
}

fn word16(data: &[u8], at: usize) -> Option<u16> {
    data.get(at..at + 2)?.try_into().ok().map(u16::from_be_bytes)
}

fn word32(data: &[u8], at: usize) -> Option<u32> {
    data.get(at..at + 4)?.try_into().ok().map(u32::from_be_bytes)
}
