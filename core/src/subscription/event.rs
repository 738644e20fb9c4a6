//! The notifications of a subscription.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::payload::versioned::Merge;
use crate::sip::Text;
use crate::usage::{Content, Retry};

use super::{EventState, State};

/// News of a subscription. It has exactly one end: `DidFail`, or `DidEnd` after `WillEnd` or when the notifier ended it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SubscriptionEvent {
    /// The SUBSCRIBE is sent (`SIPSubscriptionWillStart`).
    WillStart,
    /// It was accepted: by a 2xx, or by the NOTIFY that overtook it (`SIPSubscriptionDidStart`, `SCSubscriptionDidSucceed`).
    DidStart,
    /// The state changed (`SIPSubscriptionChangedState`).
    ChangedState {
        /// The state before.
        prev_state: State,
        /// The state now.
        state: State,
    },
    /// A NOTIFY came (`SIPSubscriptionGotNotify`, `SCSubscriptionGotNotify`).
    GotNotify(Box<Notify>),
    /// It could not be started or kept (`SIPSubscriptionDidFail`, `SCSubscriptionDidFail`).
    DidFail {
        /// Why.
        cause: Cause,
        /// The shortest time in seconds that the notifier accepts, after a 423.
        min_expires: Option<u32>,
        /// When another attempt makes sense.
        retry: Retry,
    },
    /// `end` was called (`SCSubscriptionWillEnd`).
    WillEnd,
    /// It is over (`SIPSubscriptionDidEnd`, `SCSubscriptionDidEnd`).
    DidEnd {
        /// Why.
        cause: Cause,
        /// When another attempt makes sense.
        retry: Retry,
    },
}

/// What a NOTIFY said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// The notifier's name and URI, with the tag that tells forks apart.
    pub from: Text,
    /// The subscriber's.
    pub to: Text,
    /// The Request-URI.
    pub request_uri: Text,
    /// The Event header.
    pub event: Text,
    /// The Subscription-State header, as it came.
    pub subscription_state: Text,
    /// The body with its type.
    pub content: Option<Content>,
    /// The state that all bodies add up to, where this one has changed it and is of a type that is known.
    pub state: Option<Arc<EventState>>,
    /// What came of a body that is one of several versions. After a gap the subscription is refreshed, so that full state comes.
    pub merge: Option<Merge>,
}

impl SubscriptionEvent {
    /// The names of the reference, then those of seed 000.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::WillStart => &["SIPSubscriptionWillStart"],
            Self::DidStart => &["SIPSubscriptionDidStart", "SCSubscriptionDidSucceed"],
            Self::ChangedState { .. } => &["SIPSubscriptionChangedState"],
            Self::GotNotify(_) => &["SIPSubscriptionGotNotify", "SCSubscriptionGotNotify"],
            Self::DidFail { .. } => &["SIPSubscriptionDidFail", "SCSubscriptionDidFail"],
            Self::WillEnd => &["SCSubscriptionWillEnd"],
            Self::DidEnd { .. } => &["SIPSubscriptionDidEnd", "SCSubscriptionDidEnd"],
        }
    }
}
