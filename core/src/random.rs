//! Chance that repeats: everything random in the core comes from one 32-byte [`Seed`], expanded by ChaCha20.
//!
//! Tags, branches, Call-IDs, session ids, SSRCs and back-off times are drawn from here in the order of the calls, so the
//! same seed and the same calls give the same bytes. In production the driver takes the seed from the operating system;
//! in a test it is a constant.

use std::fmt;
use std::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// 32 bytes that determine every choice the core makes.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Seed(pub [u8; 32]);

impl Seed {
    /// A seed for tests and simulations, told apart by one number.
    #[must_use]
    pub fn from_u64(number: u64) -> Self {
        let mut bytes = [0; 32];
        for (to, from) in bytes.iter_mut().zip(number.to_le_bytes()) {
            *to = from;
        }
        Self(bytes)
    }
}

impl fmt::Debug for Seed {
    /// A seed tells every key that will be drawn from it: it is not printed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

/// The stream of chance that a [`Seed`] expands to.
#[derive(Clone)]
pub struct Random {
    rng: ChaCha20Rng,
}

impl fmt::Debug for Random {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Random(..)")
    }
}

/// The characters of tokens: lower case letters and digits without the four that are easily misread. 32 of them, so each holds 5 bits.
const ALPHABET: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";

impl Random {
    /// Starts the stream.
    #[must_use]
    pub fn new(seed: &Seed) -> Self {
        Self { rng: ChaCha20Rng::from_seed(seed.0) }
    }

    /// The next 64 bits.
    pub fn u64(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// The next 32 bits.
    pub fn u32(&mut self) -> u32 {
        self.rng.next_u32()
    }

    /// The next 16 bits.
    pub fn u16(&mut self) -> u16 {
        u16::try_from(self.rng.next_u32() >> 16).unwrap_or_default()
    }

    /// Fills `bytes`.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        self.rng.fill_bytes(bytes);
    }

    /// A number below `bound`, each equally likely; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Lemire's multiplication, refusing the few draws that would favour small numbers.
        let threshold = bound.wrapping_neg() % bound;
        loop {
            let product = u128::from(self.u64()) * u128::from(bound);
            #[expect(clippy::cast_possible_truncation, reason = "the two halves of the product are wanted")]
            let (low, high) = (product as u64, (product >> 64) as u64);
            if low >= threshold {
                return high;
            }
        }
    }

    /// A number from `low` to `high`, both included, each equally likely.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        match high.saturating_sub(low).checked_add(1) {
            Some(span) => low + self.below(span),
            None => self.u64(),
        }
    }

    /// A duration from `low` to `high`, both included, in whole milliseconds.
    pub fn duration(&mut self, low: Duration, high: Duration) -> Duration {
        let millis = |d: Duration| u64::try_from(d.as_millis()).unwrap_or(u64::MAX);
        Duration::from_millis(self.between(millis(low), millis(high)))
    }

    /// True `parts` times in a million.
    pub fn one_in_million(&mut self, parts: u32) -> bool {
        self.below(1_000_000) < u64::from(parts)
    }

    /// A token of `len` characters of 5 bits each, safe in every SIP, SDP and MSRP grammar position.
    pub fn token(&mut self, len: usize) -> String {
        let mut token = String::with_capacity(len);
        let mut bits = 0;
        let mut left = 0;
        for _ in 0..len {
            if left < 5 {
                bits = self.u64();
                left = 64;
            }
            let index = usize::try_from(bits & 31).unwrap_or(0);
            token.push(char::from(ALPHABET.get(index).copied().unwrap_or(b'a')));
            bits >>= 5;
            left -= 5;
        }
        token
    }

    /// Goes on from a seed mixed of what would have come and of fresh chance.
    pub fn mix(&mut self, fresh: &Seed) {
        let mut seed = self.seed();
        for (byte, fresh) in seed.0.iter_mut().zip(fresh.0) {
            *byte ^= fresh;
        }
        *self = Self::new(&seed);
    }

    /// A seed for a part that draws on its own, such as the media path of one stream.
    pub fn seed(&mut self) -> Seed {
        let mut bytes = [0; 32];
        self.fill(&mut bytes);
        Seed(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_draws_the_same() {
        let (mut a, mut b) = (Random::new(&Seed::from_u64(7)), Random::new(&Seed::from_u64(7)));
        assert_eq!(a.token(24), b.token(24));
        assert_eq!(a.u64(), b.u64());
        assert_ne!(a.token(24), Random::new(&Seed::from_u64(8)).token(24));
    }

    #[test]
    fn numbers_keep_their_bounds() {
        let mut random = Random::new(&Seed::from_u64(1));
        let mut seen = [false; 7];
        for _ in 0..1000 {
            seen[usize::try_from(random.below(7)).unwrap()] = true;
            assert!((5..=9).contains(&random.between(5, 9)));
        }
        assert_eq!(seen, [true; 7]);
        assert_eq!(random.below(0), 0);
        assert_eq!(random.between(3, 3), 3);
        assert_eq!(random.below(1), 0);
    }

    #[test]
    fn tokens_use_only_the_alphabet() {
        let mut random = Random::new(&Seed::from_u64(2));
        let token = random.token(100);
        assert_eq!(token.len(), 100);
        assert!(token.bytes().all(|b| ALPHABET.contains(&b)));
    }

    #[test]
    fn a_seed_is_not_printed() {
        assert_eq!(format!("{:?}", Seed([9; 32])), "Seed(..)");
    }
}
