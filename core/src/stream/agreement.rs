//! What was agreed on for one stream.

use crate::negotiation::AgreedMedia;
use crate::sdp::{self, Media};

/// What was agreed on for one stream, and the descriptions that say it.
#[derive(Clone, Copy, Debug)]
pub struct Agreement<'a> {
    /// Its media line, counted from 0.
    pub slot: usize,
    /// What both sides' lines amount to.
    pub media: &'a AgreedMedia,
    /// This side's description.
    pub local: &'a sdp::Session,
    /// The peer's description.
    pub remote: &'a sdp::Session,
}

impl<'a> Agreement<'a> {
    /// This side's media line.
    #[must_use]
    pub fn local_media(&self) -> Option<Media<'a>> {
        self.local.media_at(self.slot)
    }

    /// The peer's media line.
    #[must_use]
    pub fn remote_media(&self) -> Option<Media<'a>> {
        self.remote.media_at(self.slot)
    }

    /// Whether anything can flow: over RTP that takes a format in common.
    #[must_use]
    pub fn is_usable(&self) -> bool {
        !self.media.formats.is_empty() || !self.local_media().is_some_and(|media| media.is_rtp())
    }
}
