//! Master keys: what session descriptions carry (RFC 4568 section 6.1).

use std::fmt;

use base64ct::{Base64, Base64Unpadded, Encoding};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Suite;
use crate::random::Random;
use crate::sip::Text;

/// Bytes of the longest key and salt.
const MAX_LEN: usize = 32 + 14;
/// The longest master key identifier that is understood; RFC 4568 allows 128 bytes, and two or four are in use.
pub(super) const MAX_MKI: usize = 16;

/// A master key with its salt, for what one side sends. It is not printed, and is overwritten when it goes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Written", into = "Written")]
pub struct MasterKey {
    suite: Suite,
    /// The key, then the salt, then zeros.
    bytes: Zeroizing<[u8; MAX_LEN]>,
    mki: Option<Mki>,
}

/// A master key identifier: it stands in each packet that is protected with the key (RFC 3711 section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mki {
    /// Its value.
    pub value: u64,
    /// How many bytes it takes: 1 to 16.
    pub len: u8,
}

/// Why bytes are no master key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not base64.
    #[error("the key is not base64")]
    Base64,
    /// Another length than the suite wants.
    #[error("the key has not the length of its suite")]
    Length,
}

/// A key as traces hold it.
#[derive(Serialize, Deserialize)]
struct Written {
    suite: Suite,
    key: Text,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mki: Option<Mki>,
}

impl MasterKey {
    /// A key with its salt behind it.
    ///
    /// # Errors
    /// When their length is not that of the suite.
    pub fn new(suite: Suite, key_and_salt: &[u8]) -> Result<Self, KeyError> {
        if key_and_salt.len() != suite.key_len() + suite.salt_len() {
            return Err(KeyError::Length);
        }
        let mut key = Self { suite, bytes: Zeroizing::new([0; MAX_LEN]), mki: None };
        for (to, from) in key.bytes.iter_mut().zip(key_and_salt) {
            *to = *from;
        }
        Ok(key)
    }

    /// A fresh key.
    #[must_use]
    pub fn generate(suite: Suite, random: &mut Random) -> Self {
        let mut key = Self { suite, bytes: Zeroizing::new([0; MAX_LEN]), mki: None };
        if let Some(bytes) = key.bytes.get_mut(..suite.key_len() + suite.salt_len()) {
            random.fill(bytes);
        }
        key
    }

    /// Reads a key and its salt in base64.
    ///
    /// # Errors
    /// When it is not base64 of the suite's length.
    pub fn from_base64(suite: Suite, text: &str) -> Result<Self, KeyError> {
        // Padding that is missing is forgiven.
        let mut bytes = Zeroizing::new([0; MAX_LEN]);
        let decoded = Base64Unpadded::decode(text.trim_end_matches('='), &mut *bytes);
        Self::new(suite, decoded.map_err(|_| KeyError::Base64)?)
    }

    /// The key and its salt in base64.
    #[must_use]
    pub fn to_base64(&self) -> Zeroizing<String> {
        let len = self.suite.key_len() + self.suite.salt_len();
        Zeroizing::new(Base64::encode_string(self.bytes.get(..len).unwrap_or_default()))
    }

    /// The same key under this identifier. One of no bytes, or of more than are understood, is left out.
    #[must_use]
    pub fn with_mki(mut self, mki: Mki) -> Self {
        self.mki = Some(mki).filter(|mki| (1..=MAX_MKI).contains(&usize::from(mki.len)));
        self
    }

    /// The suite that it is for.
    #[must_use]
    pub const fn suite(&self) -> Suite {
        self.suite
    }

    /// Its identifier.
    #[must_use]
    pub const fn mki(&self) -> Option<Mki> {
        self.mki
    }

    pub(super) fn key(&self) -> &[u8] {
        self.bytes.get(..self.suite.key_len()).unwrap_or_default()
    }

    pub(super) fn salt(&self) -> &[u8] {
        self.bytes.get(self.suite.key_len()..).and_then(|salt| salt.get(..self.suite.salt_len())).unwrap_or_default()
    }
}

impl Mki {
    /// The bytes in a packet, in front of zeros.
    pub(super) fn bytes(self) -> [u8; MAX_MKI] {
        let unused = u32::try_from(MAX_MKI).unwrap_or(0).saturating_sub(u32::from(self.len));
        u128::from(self.value).checked_shl(unused * 8).unwrap_or(0).to_be_bytes()
    }
}

impl fmt::Debug for MasterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MasterKey({})", self.suite.name())
    }
}

impl From<MasterKey> for Written {
    fn from(key: MasterKey) -> Self {
        Self { suite: key.suite, key: key.to_base64().as_str().into(), mki: key.mki }
    }
}

impl TryFrom<Written> for MasterKey {
    type Error = KeyError;

    fn try_from(written: Written) -> Result<Self, KeyError> {
        let key = Self::from_base64(written.suite, &written.key)?;
        Ok(match written.mki {
            Some(mki) => key.with_mki(mki),
            None => key,
        })
    }
}
