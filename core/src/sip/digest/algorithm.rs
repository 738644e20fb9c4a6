//! The hash functions of digest authentication (RFC 7616 section 3.3, RFC 8760 section 2.1).

use md5::Md5;
use sha2::{Digest, Sha256, Sha512_256};

/// An algorithm of a challenge.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Algorithm {
    hash: Hash,
    session: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Hash {
    Md5,
    Sha256,
    Sha512_256,
}

impl Algorithm {
    /// MD5: what is meant where no algorithm is named.
    pub const MD5: Self = Self { hash: Hash::Md5, session: false };

    /// The algorithm of this name, in any case; `None` for one that is not known.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        const NAMES: [(&str, Hash, bool); 6] = [
            ("MD5", Hash::Md5, false),
            ("MD5-sess", Hash::Md5, true),
            ("SHA-256", Hash::Sha256, false),
            ("SHA-256-sess", Hash::Sha256, true),
            ("SHA-512-256", Hash::Sha512_256, false),
            ("SHA-512-256-sess", Hash::Sha512_256, true),
        ];
        let (_, hash, session) = NAMES.into_iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?;
        Some(Self { hash, session })
    }

    /// Whether one key serves for a whole session (`-sess`): it is made of the first nonce and cnonce too.
    #[must_use]
    pub const fn is_session(self) -> bool {
        self.session
    }

    /// The hash of these parts with colons between them, in lower-case hexadecimal.
    #[must_use]
    pub fn hex(self, parts: &[&[u8]]) -> String {
        match self.hash {
            Hash::Md5 => hash::<Md5>(parts),
            Hash::Sha256 => hash::<Sha256>(parts),
            Hash::Sha512_256 => hash::<Sha512_256>(parts),
        }
    }
}

/// Feeds the parts one by one, so that no copy of a password is made.
fn hash<D: Digest>(parts: &[&[u8]]) -> String {
    let mut state = D::new();
    for (at, part) in parts.iter().enumerate() {
        if at > 0 {
            state.update(b":");
        }
        state.update(part);
    }
    let mut hex = String::new();
    for byte in state.finalize() {
        for digit in [byte >> 4, byte & 15] {
            hex.push(char::from_digit(u32::from(digit), 16).unwrap_or('0'));
        }
    }
    hex
}
