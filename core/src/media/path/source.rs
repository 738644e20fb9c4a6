//! Which packets are the peer's: probation of new sources (RFC 3550 appendix A.1) and the latch of symmetric RTP.
//!
//! ```text
//!                     3 packets in a row of one SSRC from one address
//!  armed ──────────────────────────────────────────────────────────► latched to that address
//!    ▲                                                                     │
//!    └──────────────────────── re-negotiation ─────────────────────────────┘
//! ```
//!
//! Armed: a source at the address of the session description, or where packets came from before, is heard after 2
//! packets in a row; one from anywhere else after 3, which latch. Latched: only that address is heard, and a new SSRC
//! there takes over after 2 packets in a row with none of the old one between them.
//!
//! Our own packets, when they come back under the SSRC that we took after the first did, are a loop and not heard (RFC 3550 section 8.2). But
//! a peer that gives an echo by sending every packet back as it is has no other source: when a second's worth of them came from an address
//! that is trusted, and nothing else did between them, they are heard, until something else comes.

use std::net::SocketAddr;
use std::time::Duration;

use crate::rtp::sequence::{Arrival, Sequence};
use crate::rtp::{Packet, Reception};
use crate::time::Instant;

/// Packets in a row that move the latch.
const LATCH_RUN: u8 = 3;
/// Packets in a row that prove a source at an address that is trusted (RFC 3550 appendix A.1, MIN_SEQUENTIAL).
const PROOF_RUN: u8 = 2;
/// Our own packets that come back in a row, with no others of the peer's between them, before they are heard.
const REFLECTED_RUN: u16 = 50;
/// Sources on probation at a time; the one that was silent longest makes room.
const MAX_CANDIDATES: usize = 4;
/// For so long after the remote description named another address, stragglers from where packets came before do not latch.
const FORMER_GRACE: Duration = Duration::from_secs(1);

/// The source that is heard.
#[derive(Debug)]
pub(super) struct Current {
    pub(super) from: SocketAddr,
    pub(super) reception: Reception,
    /// Packets in a row.
    run: u8,
}

/// A source on probation.
#[derive(Debug)]
struct Candidate {
    from: SocketAddr,
    ssrc: u32,
    sequence: Sequence,
    last: Instant,
    /// The run so far, to be heard once the source has proved itself.
    held: Held,
}

/// The packets of a run before the one that proved the source, oldest first.
pub(super) type Held = [Option<Packet>; LATCH_RUN as usize - 1];

/// A source that proved itself and is heard from now on.
#[derive(Debug)]
pub(super) struct Taken {
    /// The packets of its run before the last.
    pub(super) held: Held,
    /// The packet that proved it.
    pub(super) packet: Packet,
    /// The extended number of that packet. `None` when only the address is new, and the numbers go on from those before.
    pub(super) number: Option<u64>,
    /// The source that was heard before, if it was another.
    pub(super) before: Option<Reception>,
}

/// Tells the peer's packets from others'.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) current: Option<Current>,
    candidates: Vec<Candidate>,
    /// Where the remote description says RTP goes, or last said.
    remote: Option<SocketAddr>,
    /// The address that the latch moved to.
    latched: Option<SocketAddr>,
    armed: bool,
    /// Our own packets that came back since another of the peer's came.
    reflected: u16,
    /// Where packets came from before the remote description named another address, and until when that does not latch.
    former: Option<(SocketAddr, Instant)>,
}

impl Sources {
    pub(super) const fn new() -> Self {
        Self {
            current: None,
            candidates: Vec::new(),
            remote: None,
            latched: None,
            armed: true,
            reflected: 0,
            former: None,
        }
    }

    /// A negotiation has ended: the latch may move again. While the remote address stays the same, or is none for a hold, packets go where they went before until then.
    pub(super) fn negotiated(&mut self, now: Instant, remote: Option<SocketAddr>) {
        if let Some(remote) = remote
            && self.remote.replace(remote) != Some(remote)
        {
            self.latched = None;
            self.former = self
                .current
                .as_ref()
                .filter(|current| current.from != remote)
                .map(|current| (current.from, now + FORMER_GRACE));
        }
        self.armed = true;
        self.reflected = 0;
        self.candidates.clear();
        if let Some(current) = &mut self.current {
            current.run = 0;
        }
    }

    /// The address that the latch moved to.
    pub(super) const fn latched(&self) -> Option<SocketAddr> {
        self.latched
    }

    /// Whether packets from this address are the peer's without further proof than being RTP.
    pub(super) fn trusts(&self, from: SocketAddr) -> bool {
        if !self.armed {
            return self.latched == Some(from);
        }
        let heard = self.current.as_ref().is_some_and(|current| current.from == from);
        self.remote == Some(from) || self.latched == Some(from) || heard
    }

    /// A packet of our own came back from an address that is trusted. Whether it is heard: when nothing else comes from there.
    pub(super) const fn is_reflected(&mut self) -> bool {
        self.reflected = self.reflected.saturating_add(1);
        self.reflected > REFLECTED_RUN
    }

    /// A packet came from an address that is trusted, and is not one of our own.
    pub(super) const fn is_not_reflected(&mut self) {
        self.reflected = 0;
    }

    /// Whether this is the source that is heard. Others at its address have to begin again then: they are heard when it is silent.
    pub(super) fn hears(&mut self, from: SocketAddr, ssrc: u32) -> bool {
        let hears =
            self.current.as_ref().is_some_and(|current| current.from == from && current.reception.ssrc() == ssrc);
        if hears && !self.candidates.is_empty() {
            self.candidates.retain(|candidate| candidate.from != from);
        }
        hears
    }

    /// Takes a packet of another source than the one that is heard, with a payload type that is negotiated. It is held until more follow, or the source is taken with it, or it is dropped.
    pub(super) fn prove(&mut self, now: Instant, from: SocketAddr, packet: Packet) -> Option<Taken> {
        let ssrc = packet.header.ssrc;
        let trusted = self.trusts(from);
        if (!self.armed && !trusted) || self.is_former(now, from) {
            return None;
        }
        let run = if trusted { PROOF_RUN } else { LATCH_RUN };
        let index = self.candidate(now, from, ssrc, run);
        let candidate = self.candidates.get_mut(index)?;
        candidate.last = now;
        let number = match candidate.sequence.update(packet.header.sequence) {
            Arrival::Proven { number } => number,
            Arrival::Unproven { run } => {
                candidate.hold(run, packet);
                return None;
            }
            Arrival::Newer { .. }
            | Arrival::Older { .. }
            | Arrival::Duplicate
            | Arrival::Suspect
            | Arrival::Restarted { .. } => return None,
        };
        let Candidate { sequence, held, .. } = self.candidates.swap_remove(index);
        self.candidates.clear();
        if run == LATCH_RUN {
            self.latch(from);
        }
        match &mut self.current {
            Some(current) if current.reception.ssrc() == ssrc => {
                // Its packets are counted when their numbers are followed.
                (current.from, current.run) = (from, 0);
                Some(Taken { held, packet, number: None, before: None })
            }
            slot => {
                let before = slot.replace(Current { from, reception: Reception::new(ssrc, sequence), run });
                Some(Taken { held, packet, number: Some(number), before: before.map(|before| before.reception) })
            }
        }
    }

    /// Counts the packets in a row of the source that is heard; the third latches.
    pub(super) fn count(&mut self, now: Instant, in_a_row: bool) {
        let Some(current) = &mut self.current else { return };
        current.run = if in_a_row { current.run.saturating_add(1) } else { 0 };
        let (from, run) = (current.from, current.run);
        if self.armed && run >= LATCH_RUN && !self.is_former(now, from) {
            self.latch(from);
        }
    }

    fn latch(&mut self, from: SocketAddr) {
        self.latched = Some(from);
        self.armed = false;
    }

    fn is_former(&self, now: Instant, from: SocketAddr) -> bool {
        self.former.is_some_and(|(former, until)| former == from && now < until)
    }

    /// The place of the candidate, which is made if there is none.
    fn candidate(&mut self, now: Instant, from: SocketAddr, ssrc: u32, required: u8) -> usize {
        let known = self.candidates.iter().position(|candidate| candidate.from == from && candidate.ssrc == ssrc);
        if let Some(index) = known {
            return index;
        }
        if self.candidates.len() >= MAX_CANDIDATES {
            let oldest = self.candidates.iter().enumerate().min_by_key(|(_, candidate)| candidate.last);
            if let Some(index) = oldest.map(|(index, _)| index) {
                self.candidates.swap_remove(index);
            }
        }
        self.candidates.push(Candidate {
            from,
            ssrc,
            sequence: Sequence::new(required),
            last: now,
            held: Held::default(),
        });
        self.candidates.len() - 1
    }
}

#[cfg(test)]
impl Sources {
    pub(super) fn on_probation(&self) -> usize {
        self.candidates.len()
    }
}

impl Candidate {
    /// Keeps the `run`th packet of a run; the first one replaces those of a broken run.
    fn hold(&mut self, run: u8, packet: Packet) {
        if run == 1 {
            self.held = Held::default();
        }
        if let Some(slot) = self.held.get_mut(usize::from(run).saturating_sub(1)) {
            *slot = Some(packet);
        }
    }
}
