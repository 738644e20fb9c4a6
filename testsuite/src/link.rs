//! What the network between two nodes does to what they send.

use std::time::Duration;

use sipsimple_core::random::Random;

/// The faults of a link. Chances are in parts of a million.
#[derive(Clone, Debug, PartialEq)]
pub struct Faults {
    /// A datagram is lost.
    pub loss: u32,
    /// A datagram arrives twice.
    pub duplicate: u32,
    /// A datagram is held back, so that later ones overtake it.
    pub reorder: u32,
    /// The shortest time on the way.
    pub delay: Duration,
    /// How much longer it may take.
    pub jitter: Duration,
    /// STUN does not get through, and other datagrams do: a firewall that knows too much.
    pub blocks_stun: bool,
    /// A stream is reset while bytes are on it.
    pub reset: u32,
    /// A connection is refused although somebody listens.
    pub refuse: u32,
    /// The longest piece in which bytes of a stream arrive; 0 for as they were written.
    pub segment: usize,
    /// How many bytes of streams it carries in a second, those of all connections in their order; 0 for any number.
    pub rate: u64,
    /// How many bytes of a stream the system takes before they are on their way, where there is a rate.
    pub buffer: usize,
    /// How many bytes of a connection may be on their way or wait to be read at its end: what is written beyond waits where it was written.
    pub window: usize,
}

/// More than is on its way of any connection whose end is read.
const WINDOW: usize = 4 * 1024 * 1024;

/// All of a million: what happens with this chance happens always.
pub const ALWAYS: u32 = 1_000_000;

impl Faults {
    /// Nothing goes wrong, and everything takes 10 ms.
    #[must_use]
    pub const fn none() -> Self {
        Self {
            loss: 0,
            duplicate: 0,
            reorder: 0,
            delay: Duration::from_millis(10),
            jitter: Duration::ZERO,
            blocks_stun: false,
            reset: 0,
            refuse: 0,
            segment: 0,
            rate: 0,
            buffer: 0,
            window: WINDOW,
        }
    }

    /// No datagram gets through.
    #[must_use]
    pub const fn silence() -> Self {
        Self { loss: ALWAYS, ..Self::none() }
    }

    /// A draw of faults: some runs have none of a kind, some have many.
    #[must_use]
    pub fn draw(random: &mut Random) -> Self {
        let mut chance = |most: u64| -> u32 {
            let on = random.below(2) == 0;
            u32::try_from(if on { random.below(most) } else { 0 }).unwrap_or(0)
        };
        let (loss, duplicate, reorder) = (chance(300_000), chance(200_000), chance(300_000));
        let (reset, refuse) = (chance(20_000), chance(50_000));
        Self {
            loss,
            duplicate,
            reorder,
            delay: random.duration(Duration::from_millis(1), Duration::from_millis(150)),
            jitter: random.duration(Duration::ZERO, Duration::from_millis(100)),
            blocks_stun: false,
            reset,
            refuse,
            segment: usize::try_from(random.below(3) * random.below(200)).unwrap_or(0),
            rate: 0,
            buffer: 0,
            window: WINDOW,
        }
    }

    /// How long so many bytes occupy it.
    #[must_use]
    pub fn occupied(&self, bytes: usize) -> Duration {
        let nanos = (bytes as u64).saturating_mul(1_000_000_000).checked_div(self.rate);
        nanos.map_or(Duration::ZERO, Duration::from_nanos)
    }

    /// When the copies of a datagram arrive, counted from now: none when it is lost, two when it is repeated.
    pub fn deliveries(&self, random: &mut Random) -> Vec<Duration> {
        if random.one_in_million(self.loss) {
            return Vec::new();
        }
        let mut times = vec![self.transit(random)];
        if random.one_in_million(self.duplicate) {
            times.push(self.transit(random));
        }
        times
    }

    /// How long something is on the way.
    pub fn transit(&self, random: &mut Random) -> Duration {
        let mut time = self.delay + random.duration(Duration::ZERO, self.jitter);
        if random.one_in_million(self.reorder) {
            time += random.duration(Duration::ZERO, self.delay * 3 + Duration::from_millis(20));
        }
        time
    }
}
