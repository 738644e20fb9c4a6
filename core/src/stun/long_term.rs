//! The client's side of long-term credentials (RFC 8489 sections 9.2.3 to 9.2.5).
//!
//! ```text
//!  bare request ──401, realm and nonce──► signed request ──success──► (goes on)
//!                                           ▲   │   └──401──► (refused)
//!                                           └───┘ 438, another nonce
//! ```

use bytes::Bytes;

use super::integrity::{Algorithm, Integrity, Key, userhash};
use super::{Builder, Message, attribute};
use crate::sip::Text;
use crate::sip::digest::Secret;

/// What a nonce begins with that tells what the server can (RFC 8489 section 9.2).
const NONCE_COOKIE: &str = "obMatJos2";

/// Characters of a nonce that are understood, and of a realm.
const MAX_TEXT: usize = 763;

/// In a row, how often a server may find a nonce stale before it is no longer believed.
const MAX_STALE: u8 = 3;

/// Who we are to a server.
#[derive(Clone, Debug)]
pub struct LongTerm {
    username: Text,
    password: Secret,
    challenge: Option<Challenge>,
    stale: u8,
}

#[derive(Clone, Debug)]
struct Challenge {
    realm: Text,
    nonce: Bytes,
    /// PASSWORD-ALGORITHMS as it came, and what we chose of it.
    algorithms: Option<(Bytes, Algorithm)>,
    /// Whether the name is to be hidden.
    anonymous: bool,
    key: Key,
}

/// What a response means for our credentials.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is the server's word.
    Authentic,
    /// It asks for credentials, or for fresh ones: send the request again, signed, in another transaction.
    Retry,
    /// The server does not take our credentials.
    Refused,
    /// Nothing vouches for it: it is as good as lost.
    Ignored,
}

impl LongTerm {
    /// One that has not yet been asked.
    #[must_use]
    pub const fn new(username: Text, password: Secret) -> Self {
        Self { username, password, challenge: None, stale: 0 }
    }

    /// The request, signed if the server has asked for it.
    #[must_use]
    pub fn sign(&self, request: Builder) -> Bytes {
        let Some(challenge) = &self.challenge else { return request.finish() };
        let mut request = if challenge.anonymous {
            request.attribute(attribute::USERHASH, &userhash(&self.username, &challenge.realm))
        } else {
            request.attribute(attribute::USERNAME, self.username.as_bytes())
        };
        request = request
            .attribute(attribute::REALM, challenge.realm.as_bytes())
            .attribute(attribute::NONCE, &challenge.nonce);
        if let Some((algorithms, chosen)) = &challenge.algorithms {
            let chosen = u32::from(chosen.number()) << 16;
            request = request
                .attribute(attribute::PASSWORD_ALGORITHMS, algorithms)
                .word(attribute::PASSWORD_ALGORITHM, chosen);
        }
        request.finish_with(challenge.integrity(), &challenge.key)
    }

    /// Judges a response to a request of ours.
    pub fn judge(&mut self, response: &Message) -> Verdict {
        match response.error_code() {
            Some(401) if self.challenge.is_some() => Verdict::Refused,
            Some(401) => self.take(response),
            Some(438) if self.challenge.is_some() && self.stale < MAX_STALE => {
                self.stale += 1;
                self.take(response)
            }
            Some(438) => Verdict::Refused,
            _ => self.vouched_for(response),
        }
    }

    fn vouched_for(&mut self, response: &Message) -> Verdict {
        let Some(challenge) = &self.challenge else { return Verdict::Authentic };
        let enough = challenge.integrity() == Integrity::Sha1 || response.integrity() == Some(Integrity::Sha256);
        if enough && response.is_from(&challenge.key) {
            self.stale = 0;
            Verdict::Authentic
        } else {
            Verdict::Ignored
        }
    }

    fn take(&mut self, response: &Message) -> Verdict {
        match self.read(response) {
            Some(challenge) => {
                self.challenge = Some(challenge);
                Verdict::Retry
            }
            None => Verdict::Refused,
        }
    }

    /// Reads the challenge. `None` when it is incomplete, or asks for what we cannot do.
    fn read(&self, response: &Message) -> Option<Challenge> {
        let nonce = response.slice(attribute::NONCE).filter(|nonce| nonce.len() <= MAX_TEXT)?;
        let realm = match (response.text(attribute::REALM), &self.challenge) {
            (Some(realm), _) if realm.len() <= MAX_TEXT => Text::from(realm),
            (None, Some(before)) => before.realm.clone(),
            _ => return None,
        };
        let features = features(&nonce);
        let algorithms = match response.slice(attribute::PASSWORD_ALGORITHMS) {
            Some(list) => {
                let chosen = first_known(&list)?;
                Some((list, chosen))
            }
            None if features.password_algorithms => return None,
            None => None,
        };
        let algorithm = algorithms.as_ref().map_or(Algorithm::Md5, |(_, chosen)| *chosen);
        let key = Key::long_term(algorithm, &self.username, &realm, &self.password);
        Some(Challenge { realm, nonce, algorithms, anonymous: features.username_anonymity, key })
    }
}

impl Challenge {
    const fn integrity(&self) -> Integrity {
        if self.algorithms.is_some() { Integrity::Sha256 } else { Integrity::Sha1 }
    }
}

/// What a nonce tells about the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Features {
    password_algorithms: bool,
    username_anonymity: bool,
}

/// Reads the 24 bits, in base64, behind the cookie of a nonce; the first is the highest.
fn features(nonce: &[u8]) -> Features {
    let bits = nonce.strip_prefix(NONCE_COOKIE.as_bytes()).and_then(|rest| rest.get(..4));
    let value = |byte: &u8| match byte {
        b'A'..=b'Z' => Some(byte - b'A'),
        b'a'..=b'z' => Some(byte - b'a' + 26),
        b'0'..=b'9' => Some(byte - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    };
    let bits =
        bits.and_then(|bits| bits.iter().try_fold(0_u32, |all, byte| Some((all << 6) | u32::from(value(byte)?))));
    let bits = bits.unwrap_or(0);
    Features { password_algorithms: bits & 0x80_0000 != 0, username_anonymity: bits & 0x40_0000 != 0 }
}

/// The first algorithm of a PASSWORD-ALGORITHMS that we know.
fn first_known(mut list: &[u8]) -> Option<Algorithm> {
    while let [a, b, c, d, rest @ ..] = list {
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        if let Some(known) = Algorithm::from_number(u16::from_be_bytes([*a, *b])).filter(|_| length == 0) {
            return Some(known);
        }
        list = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    #[test]
    fn the_nonce_tells_what_the_server_can() {
        let both = Features { password_algorithms: true, username_anonymity: true };
        for (nonce, expected) in [
            ("obMatJos2wAAA499k954", both),
            ("obMatJos2gAAA", Features { username_anonymity: false, ..both }),
            ("obMatJos2QAAA", Features { password_algorithms: false, ..both }),
            ("obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA", Features::default()),
            ("obMatJos2gA", Features::default()),
            ("obMatJos2g=AA", Features::default()),
            ("wAAA", Features::default()),
        ] {
            assert_eq!(features(nonce.as_bytes()), expected, "{nonce}");
        }
    }

    #[test]
    fn of_the_algorithms_the_first_that_is_known_is_taken() {
        for (list, expected) in [
            (&[0, 2, 0, 0, 0, 1, 0, 0][..], Some(Algorithm::Sha256)),
            (&[0, 9, 0, 3, 1, 2, 3, 0, 0, 1, 0, 0], Some(Algorithm::Md5)),
            (&[0, 9, 0, 0], None),
            (&[0, 9, 0xff, 0xff, 0, 1, 0, 0], None),
            (&[0, 1, 0], None),
            (&[], None),
        ] {
            assert_eq!(first_known(list), expected, "{list:?}");
        }
    }
}
