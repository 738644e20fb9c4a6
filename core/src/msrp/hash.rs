//! Hashes of files (RFC 5547 section 6): computed as the bytes come, in order.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha1::Sha1;
use sha2::{Digest, Sha256};

/// How a file is hashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HashAlgorithm {
    /// SHA-1, which every implementation has.
    Sha1,
    /// SHA-256.
    Sha256,
}

impl HashAlgorithm {
    /// The name in a file selector.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "sha-1",
            Self::Sha256 => "sha-256",
        }
    }

    /// The algorithm of this name, in any case; also as the reference once spelled it, without the hyphen.
    pub(super) fn named(name: &str) -> Option<Self> {
        [(Self::Sha1, "sha1"), (Self::Sha256, "sha256")]
            .into_iter()
            .find(|(known, old)| name.eq_ignore_ascii_case(known.as_str()) || name.eq_ignore_ascii_case(old))
            .map(|(known, _)| known)
    }

    const fn len(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// The hash of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileHash {
    /// How it was computed.
    pub algorithm: HashAlgorithm,
    /// Its bytes.
    pub digest: Vec<u8>,
}

impl FileHash {
    /// Reads `sha-1:72:24:5F:…`; none when it is of another algorithm or length.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (algorithm, digits) = text.split_once(':')?;
        let algorithm = HashAlgorithm::named(algorithm)?;
        let byte = |pair: &str| {
            let is_hex = pair.len() == 2 && pair.bytes().all(|digit| digit.is_ascii_hexdigit());
            if is_hex { u8::from_str_radix(pair, 16).ok() } else { None }
        };
        let digest: Option<Vec<u8>> = digits.split(':').take(65).map(byte).collect();
        digest.filter(|digest| digest.len() == algorithm.len()).map(|digest| Self { algorithm, digest })
    }
}

impl fmt::Display for FileHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.algorithm.as_str())?;
        self.digest.iter().try_for_each(|byte| write!(f, ":{byte:02X}"))
    }
}

#[derive(Clone, Debug)]
enum State {
    Sha1(Sha1),
    Sha256(Sha256),
}

/// Hashes a file as its bytes come.
#[derive(Clone, Debug)]
pub struct FileHasher {
    state: State,
    processed: u64,
}

impl FileHasher {
    /// A hasher to which nothing has come.
    #[must_use]
    pub fn new(algorithm: HashAlgorithm) -> Self {
        let state = match algorithm {
            HashAlgorithm::Sha1 => State::Sha1(Sha1::new()),
            HashAlgorithm::Sha256 => State::Sha256(Sha256::new()),
        };
        Self { state, processed: 0 }
    }

    /// The next bytes of the file.
    pub fn update(&mut self, data: &[u8]) {
        match &mut self.state {
            State::Sha1(state) => state.update(data),
            State::Sha256(state) => state.update(data),
        }
        self.processed += data.len() as u64;
    }

    /// How many bytes have come.
    #[must_use]
    pub const fn processed(&self) -> u64 {
        self.processed
    }

    /// The hash of what has come.
    #[must_use]
    pub fn finish(self) -> FileHash {
        match self.state {
            State::Sha1(state) => FileHash { algorithm: HashAlgorithm::Sha1, digest: state.finalize().to_vec() },
            State::Sha256(state) => FileHash { algorithm: HashAlgorithm::Sha256, digest: state.finalize().to_vec() },
        }
    }
}
