//! The indices of packets that came: the estimate of the roll-over counter and the replay window (RFC 3711 section 3.3).

/// Indices below the highest that are told apart: at least 64 (RFC 3711 section 3.3.2).
const WINDOW: u64 = 128;

/// The highest index of a source, and which of those below it came.
#[derive(Clone, Copy, Debug)]
pub(super) struct Window {
    highest: u64,
    /// Bit n: the index that is n below the highest came.
    seen: u128,
}

impl Window {
    /// The window of a source whose first packet has this index.
    pub(super) const fn starting(index: u64) -> Self {
        Self { highest: index, seen: 1 }
    }

    /// The likeliest index of a packet with this sequence number: the nearest to the highest.
    pub(super) fn estimate(&self, sequence: u16) -> u64 {
        let roll_over = self.highest >> 16;
        let last = i32::from(u16::try_from(self.highest & 0xffff).unwrap_or(0));
        let ahead = i32::from(sequence) - last;
        let roll_over = if ahead > 0x8000 {
            // It is from before the last wrap; before the first there is nothing.
            roll_over.saturating_sub(1)
        } else if ahead < -0x8000 {
            roll_over + 1
        } else {
            roll_over
        };
        (roll_over << 16) | u64::from(sequence)
    }

    /// Whether a packet of this index may be looked at: it is not below the window and did not come before.
    pub(super) const fn admits(&self, index: u64) -> bool {
        match self.highest.checked_sub(index) {
            None => true,
            Some(behind) => behind < WINDOW && self.seen >> behind & 1 == 0,
        }
    }

    /// A packet of this index came, and was the peer's.
    pub(super) const fn take(&mut self, index: u64) {
        match index.checked_sub(self.highest) {
            None => {
                let behind = self.highest - index;
                if behind < WINDOW {
                    self.seen |= 1 << behind;
                }
            }
            Some(ahead) => {
                self.seen = if ahead < WINDOW { self.seen << ahead | 1 } else { 1 };
                self.highest = index;
            }
        }
    }
}
