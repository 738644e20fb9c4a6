//! Crypto suites: their names in session descriptions and the lengths of their keys and tags.

use serde::{Deserialize, Serialize};

use super::galois;
use super::transform::Protocol;

/// A crypto suite.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Suite {
    /// AES-128 in counter mode, HMAC-SHA1 of 80 bits (RFC 4568 section 6.2.1).
    AesCm128HmacSha1_80,
    /// AES-128 in counter mode, HMAC-SHA1 of 32 bits for RTP and of 80 for RTCP (RFC 4568 section 6.2.2).
    AesCm128HmacSha1_32,
    /// AES-256 in counter mode, HMAC-SHA1 of 80 bits (RFC 6188).
    Aes256CmHmacSha1_80,
    /// AES-256 in counter mode, HMAC-SHA1 of 32 bits for RTP and of 80 for RTCP (RFC 6188).
    Aes256CmHmacSha1_32,
    /// AES-128 in Galois counter mode (RFC 7714).
    AeadAes128Gcm,
    /// AES-256 in Galois counter mode (RFC 7714).
    AeadAes256Gcm,
}

impl Suite {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::AesCm128HmacSha1_80,
        Self::AesCm128HmacSha1_32,
        Self::Aes256CmHmacSha1_80,
        Self::Aes256CmHmacSha1_32,
        Self::AeadAes128Gcm,
        Self::AeadAes256Gcm,
    ];

    /// Its name in `a=crypto`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::AesCm128HmacSha1_80 => "AES_CM_128_HMAC_SHA1_80",
            Self::AesCm128HmacSha1_32 => "AES_CM_128_HMAC_SHA1_32",
            Self::Aes256CmHmacSha1_80 => "AES_256_CM_HMAC_SHA1_80",
            Self::Aes256CmHmacSha1_32 => "AES_256_CM_HMAC_SHA1_32",
            Self::AeadAes128Gcm => "AEAD_AES_128_GCM",
            Self::AeadAes256Gcm => "AEAD_AES_256_GCM",
        }
    }

    /// The suite of this name, in the case of the RFCs.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|suite| suite.name() == name)
    }

    /// Bytes of the master key.
    #[must_use]
    pub const fn key_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80 | Self::AesCm128HmacSha1_32 | Self::AeadAes128Gcm => 16,
            Self::Aes256CmHmacSha1_80 | Self::Aes256CmHmacSha1_32 | Self::AeadAes256Gcm => 32,
        }
    }

    /// Bytes of the master salt.
    #[must_use]
    pub const fn salt_len(self) -> usize {
        match self {
            Self::AesCm128HmacSha1_80
            | Self::AesCm128HmacSha1_32
            | Self::Aes256CmHmacSha1_80
            | Self::Aes256CmHmacSha1_32 => 14,
            Self::AeadAes128Gcm | Self::AeadAes256Gcm => 12,
        }
    }

    /// Bytes of the tag. That of RTCP is never the short one (RFC 4568 section 6.2.2).
    pub(super) const fn tag_len(self, protocol: Protocol) -> usize {
        match (self, protocol) {
            (Self::AeadAes128Gcm | Self::AeadAes256Gcm, _) => galois::TAG_LEN,
            (Self::AesCm128HmacSha1_32 | Self::Aes256CmHmacSha1_32, Protocol::Rtp) => 4,
            _ => 10,
        }
    }
}
