//! What vouches for a message: MESSAGE-INTEGRITY and MESSAGE-INTEGRITY-SHA256, and the keys of both (RFC 8489 sections 9.1.1, 9.2.2, 14.5 and 14.6).

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

use super::attribute;
use crate::sip::digest::Secret;

/// An algorithm that makes a long-term key of a password (RFC 8489 section 18.5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Algorithm {
    /// MD5, all that older servers know.
    Md5,
    /// SHA-256.
    Sha256,
}

impl Algorithm {
    /// Its number in PASSWORD-ALGORITHM.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Md5 => 1,
            Self::Sha256 => 2,
        }
    }

    /// The algorithm of this number.
    #[must_use]
    pub const fn from_number(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Md5),
            2 => Some(Self::Sha256),
            _ => None,
        }
    }
}

/// The key of an HMAC. It does not print, and is wiped from memory when it is dropped.
#[derive(Clone, PartialEq, Eq)]
pub struct Key(Zeroizing<Vec<u8>>);

impl Key {
    /// The key of short-term credentials: the password itself.
    #[must_use]
    pub fn short_term(password: &Secret) -> Self {
        Self(Zeroizing::new(password.expose().as_bytes().to_vec()))
    }

    /// The key of long-term credentials. Name and password are taken as they are: who types them prepares them (RFC 8265).
    #[must_use]
    pub fn long_term(algorithm: Algorithm, username: &str, realm: &str, password: &Secret) -> Self {
        let parts = [username, ":", realm, ":", password.expose()];
        Self(Zeroizing::new(match algorithm {
            Algorithm::Md5 => digest::<Md5>(&parts),
            Algorithm::Sha256 => digest::<Sha256>(&parts),
        }))
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

/// What USERHASH holds (RFC 8489 section 14.4).
#[must_use]
pub fn userhash(username: &str, realm: &str) -> Vec<u8> {
    digest::<Sha256>(&[username, ":", realm])
}

fn digest<D: Digest>(parts: &[&str]) -> Vec<u8> {
    parts.iter().fold(D::new(), |digest, part| digest.chain_update(part)).finalize().to_vec()
}

/// The attribute that vouches for a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Integrity {
    /// MESSAGE-INTEGRITY.
    Sha1,
    /// MESSAGE-INTEGRITY-SHA256.
    Sha256,
}

impl Integrity {
    /// The attribute's type.
    #[must_use]
    pub const fn attribute(self) -> u16 {
        match self {
            Self::Sha1 => attribute::MESSAGE_INTEGRITY,
            Self::Sha256 => attribute::MESSAGE_INTEGRITY_SHA256,
        }
    }

    /// Bytes of the value that is sent.
    pub(super) const fn size(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }

    pub(super) fn compute(self, key: &Key, pieces: &[&[u8]]) -> Vec<u8> {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, pieces).map(|mac| mac.finalize().into_bytes().to_vec()),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, pieces).map(|mac| mac.finalize().into_bytes().to_vec()),
        }
        .unwrap_or_default()
    }

    /// Whether this value is that of the pieces, compared in constant time. No use of STUN here permits truncation.
    pub(super) fn is_right(self, key: &Key, pieces: &[&[u8]], value: &[u8]) -> bool {
        match self {
            Self::Sha1 => mac::<Hmac<Sha1>>(key, pieces).is_some_and(|mac| mac.verify_slice(value).is_ok()),
            Self::Sha256 => mac::<Hmac<Sha256>>(key, pieces).is_some_and(|mac| mac.verify_slice(value).is_ok()),
        }
    }
}

/// An HMAC takes a key of any length: this is never `None`.
fn mac<M: Mac + KeyInit>(key: &Key, pieces: &[&[u8]]) -> Option<M> {
    let mut mac = <M as KeyInit>::new_from_slice(&key.0).ok()?;
    pieces.iter().for_each(|piece| mac.update(piece));
    Some(mac)
}
