//! What a remote offer proposes.

use crate::sdp::{Direction, Media, Session};

use super::codec::Codec;

/// What a remote offer proposes, slot by slot. It borrows the offer.
#[derive(Clone, Debug)]
pub struct Proposal<'a> {
    /// One for each media line of the offer, in their order.
    pub slots: Vec<Proposed<'a>>,
}

/// What a remote offer says about one media line.
#[derive(Clone, Copy, Debug)]
pub struct Proposed<'a> {
    /// What becomes of the slot.
    pub change: Change,
    /// What the peer says about it: media type, protocol, port, address, formats, attributes.
    pub media: Media<'a>,
    /// The peer's direction, seen from the peer. An address of 0.0.0.0 takes receiving away: nothing can be sent there.
    pub direction: Direction,
}

/// What an offer does to a slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// The slot was not in use and stays so.
    Unused,
    /// A new stream.
    Added,
    /// The stream ends.
    Removed,
    /// The stream ends, and one of another media type takes its slot.
    Replaced,
    /// The stream goes on otherwise: another address, port, direction, format or attribute.
    Changed,
    /// The stream goes on as it was.
    Unchanged,
}

impl Proposal<'_> {
    /// The slots of this change.
    pub fn slots_with(&self, change: Change) -> impl Iterator<Item = usize> {
        self.slots.iter().enumerate().filter(move |(_, proposed)| proposed.change == change).map(|(slot, _)| slot)
    }
}

impl<'a> Proposed<'a> {
    /// The first of these codecs that the peer offers too: whether an answer could accept the line. Events of RFC 4733 and comfort noise of RFC 3389 are no codecs.
    #[must_use]
    pub fn common<'c>(&self, codecs: &'c [Codec]) -> Option<&'c Codec> {
        let formats = self.media.rtp_formats();
        codecs.iter().find(|codec| !codec.is_companion() && codec.find(&formats).is_some())
    }

    pub(super) fn new(media: Media<'a>, before: Option<(bool, &Session)>, slot: usize) -> Self {
        Self { change: change(&media, before, slot), media, direction: remote_direction(&media) }
    }
}

/// The peer's direction, without receiving when its address is 0.0.0.0 or `::` (RFC 3264 section 8.4, RFC 6337 section 5.4).
pub(super) fn remote_direction(media: &Media<'_>) -> Direction {
    let said = media.direction();
    match media.connection().and_then(|connection| connection.ip()) {
        Some(address) if address.is_unspecified() => Direction::new(said.sends(), false),
        Some(_) | None => said,
    }
}

/// What becomes of a slot: `before` is whether it was in use, and the peer's active description.
fn change(media: &Media<'_>, before: Option<(bool, &Session)>, slot: usize) -> Change {
    let (was_live, remote) = before.map_or((false, None), |(live, remote)| (live, remote.media_at(slot)));
    match (was_live, media.port() != 0, remote) {
        (false, false, _) => Change::Unused,
        (false, true, _) | (true, true, None) => Change::Added,
        (true, false, _) => Change::Removed,
        (true, true, Some(remote)) if !remote.media_type().eq_ignore_ascii_case(media.media_type()) => Change::Replaced,
        (true, true, Some(remote)) if !remote.same_as(media) => Change::Changed,
        (true, true, Some(_)) => Change::Unchanged,
    }
}
