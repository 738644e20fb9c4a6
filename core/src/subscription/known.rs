//! What the NOTIFYs of one dialog add up to: bodies of packages that are known are read, and those that come in versions are merged.
//!
//! ```text
//!  NOTIFY ─ full, or the next version ─► merged: the whole state comes with the event
//!         ─ older, or the same again ──► nothing
//!         ─ a version was missed ──────► refreshed, so that full state comes (RFC 3858 section 5, RFC 4235 section 4.3, RFC 4662 section 5, RFC 5263
//!                                        section 4.5)
//! ```
//!
//! After one refresh for a gap the next is only asked for when full state has come in between: a notifier that never sends any is not asked for ever.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::limits::Limits;
use crate::payload::conference::{Conference, ConferenceInfo};
use crate::payload::dialog_info::{DialogInfo, Dialogs};
use crate::payload::message_summary::MessageSummary;
use crate::payload::presence::{PartialPresence, PidfDiff, Presence};
use crate::payload::reginfo::{RegInfo, Registrations};
use crate::payload::rlmi::{ListNotification, Resources};
use crate::payload::versioned::Merge;
use crate::payload::watcherinfo::{WatcherInfo, Watchers};
use crate::payload::xcap::XcapDiff;
use crate::sip::{MediaType, Text};
use crate::transfer::status_of;
use crate::usage::Content;

/// The state of what is subscribed to, as all NOTIFYs together tell it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventState {
    /// Presence (RFC 3863).
    Presence(Box<Presence>),
    /// A list of resources (RFC 4662).
    Resources(Resources),
    /// Who watches (RFC 3858).
    Watchers(Watchers),
    /// Dialogs (RFC 4235).
    Dialogs(Dialogs),
    /// A conference (RFC 4575).
    Conference(Box<Conference>),
    /// Registrations (RFC 3680).
    Registrations(Registrations),
    /// Messages that wait (RFC 3842).
    MessageSummary(MessageSummary),
    /// XCAP documents that have changed (RFC 5874). Changes are told, not a state.
    XcapDiff(Box<XcapDiff>),
    /// How far the call has got that a REFER asked for (RFC 3515).
    Refer {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: Text,
    },
}

/// What is known of one dialog's state.
#[derive(Debug, Default)]
pub(super) struct Known {
    state: Option<Arc<EventState>>,
    /// Presence that comes in patches.
    partial: PartialPresence,
    /// Whether full state was asked for, and has not come.
    asked: bool,
}

/// What a NOTIFY brought.
#[derive(Debug, Default)]
pub(super) struct News {
    /// The state, where it has changed.
    pub(super) state: Option<Arc<EventState>>,
    /// What came of its document, where it is one that comes in versions.
    pub(super) merge: Option<Merge>,
    /// Whether full state is to be asked for.
    pub(super) ask: bool,
}

/// A state that its documents are merged into.
trait Merged: Default {
    /// The state, if it is one of these.
    fn of(state: &mut EventState) -> Option<&mut Self>;
    /// As a state.
    fn state(self) -> EventState;
}

macro_rules! merged {
    ($($variant:ident($type:ty) = $into:expr;)*) => {$(
        impl Merged for $type {
            fn of(state: &mut EventState) -> Option<&mut Self> {
                if let EventState::$variant(known) = state { Some(known) } else { None }
            }

            fn state(self) -> EventState {
                EventState::$variant($into(self))
            }
        }
    )*};
}

merged! {
    Watchers(Watchers) = std::convert::identity;
    Dialogs(Dialogs) = std::convert::identity;
    Conference(Conference) = Box::new;
    Registrations(Registrations) = std::convert::identity;
    Resources(Resources) = std::convert::identity;
}

impl Known {
    /// Takes the body of a NOTIFY. One that does not read changes nothing.
    pub(super) fn take(&mut self, content: &Content, limits: &Limits) -> News {
        let Ok(kind) = MediaType::parse(&content.content_type) else { return News::default() };
        let body = &content.body;
        let is = |essence: &str| kind.is(essence);
        if is(PidfDiff::CONTENT_TYPE) {
            let Ok(document) = PidfDiff::parse(body, limits) else { return News::default() };
            let (merge, presence) = self.partial.apply(document, limits);
            let state = presence.map(|presence| Arc::new(EventState::Presence(Box::new(presence))));
            return self.news(Some(merge), state);
        }
        let merge = if is(WatcherInfo::CONTENT_TYPE) {
            let document = WatcherInfo::parse(body, limits).ok();
            document.map(|document| self.merge(|known: &mut Watchers| known.apply(document, limits)))
        } else if is(DialogInfo::CONTENT_TYPE) {
            let document = DialogInfo::parse(body, limits).ok();
            document.map(|document| self.merge(|known: &mut Dialogs| known.apply(document, limits)))
        } else if is(ConferenceInfo::CONTENT_TYPE) {
            let document = ConferenceInfo::parse(body, limits).ok();
            document.map(|document| self.merge(|known: &mut Conference| known.apply(document, limits)))
        } else if is(RegInfo::CONTENT_TYPE) {
            let document = RegInfo::parse(body, limits).ok();
            document.map(|document| self.merge(|known: &mut Registrations| known.apply(document, limits)))
        } else if is("multipart/related") {
            let list = ListNotification::parse(&kind, body, limits).ok();
            list.map(|list| self.merge(|known: &mut Resources| known.apply(&list, limits)))
        } else {
            return News { state: whole(&kind, content, limits).map(Arc::new), ..News::default() };
        };
        let state = self.state.clone().filter(|_| merge == Some(Merge::Applied));
        self.news(merge, state)
    }

    fn news(&mut self, merge: Option<Merge>, state: Option<Arc<EventState>>) -> News {
        if merge == Some(Merge::Applied) {
            self.asked = false;
        }
        News { state, merge, ask: merge == Some(Merge::Gap) && !std::mem::replace(&mut self.asked, true) }
    }

    /// Merges a document into what is known. What the application holds of it stays as it was.
    fn merge<T: Merged>(&mut self, apply: impl FnOnce(&mut T) -> Merge) -> Merge {
        let mut state = self.state.take().unwrap_or_else(|| Arc::new(T::default().state()));
        if T::of(Arc::make_mut(&mut state)).is_none() {
            state = Arc::new(T::default().state());
        }
        let merge = T::of(Arc::make_mut(&mut state)).map_or(Merge::Stale, apply);
        self.state = Some(state);
        merge
    }
}

/// A body that tells everything at once.
fn whole(kind: &MediaType, content: &Content, limits: &Limits) -> Option<EventState> {
    let body = &content.body;
    if kind.is(Presence::CONTENT_TYPE) {
        Presence::parse(body, limits).ok().map(|presence| EventState::Presence(Box::new(presence)))
    } else if kind.is(MessageSummary::CONTENT_TYPE) {
        MessageSummary::parse(body, limits).ok().map(EventState::MessageSummary)
    } else if kind.is(XcapDiff::CONTENT_TYPE) {
        XcapDiff::parse(body, limits).ok().map(|diff| EventState::XcapDiff(Box::new(diff)))
    } else if kind.is("message/sipfrag") {
        status_of(body).map(|(code, reason)| EventState::Refer { code, reason })
    } else {
        None
    }
}
