//! The notifications of an incoming subscription.

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::sip::Text;

use super::State;

/// News of an incoming subscription. It has exactly one `DidEnd`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum NotifierEvent {
    /// A SUBSCRIBE came: accept or reject it (`SIPIncomingSubscriptionGotSubscribe`).
    GotSubscribe {
        /// The subscriber's name and URI, from the From header: a claim, not a proof.
        from: Text,
        /// Whose state is asked for.
        to: Text,
        /// The package.
        event: Text,
        /// For how many seconds; 0 asks for the state once.
        expires: u32,
        /// The media types that the subscriber accepts; empty for the package's own.
        accept: Vec<Text>,
    },
    /// A REFER came outside of any dialog, which brings a subscription to its outcome with it (`SIPIncomingReferralGotRefer`). Nobody is called unless the
    /// application says so; after 20 s it is refused with 480.
    GotRefer {
        /// The sender's name and URI.
        from: Text,
        /// The To header.
        to: Text,
        /// Whom it asks to call.
        refer_to: Text,
        /// On whose behalf, as in the Referred-By header.
        referred_by: Option<Text>,
        /// Whether the call is to take the place of another.
        attended: bool,
    },
    /// The state changed (`SIPIncomingSubscriptionChangedState`).
    ChangedState {
        /// The state before.
        prev_state: State,
        /// The state now.
        state: State,
    },
    /// The subscriber refreshed it (`SIPIncomingSubscriptionGotRefreshingSubscribe`). A NOTIFY with the last state follows.
    GotRefreshingSubscribe {
        /// For how many seconds from now.
        expires: u32,
    },
    /// The subscriber ended it (`SIPIncomingSubscriptionGotUnsubscribe`).
    GotUnsubscribe,
    /// A NOTIFY was sent (`SIPIncomingSubscriptionSentNotify`).
    SentNotify,
    /// A NOTIFY was taken (`SIPIncomingSubscriptionNotifyDidSucceed`).
    NotifyDidSucceed {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: Text,
    },
    /// A NOTIFY was refused, or had no answer (`SIPIncomingSubscriptionNotifyDidFail`).
    NotifyDidFail {
        /// Why.
        cause: Cause,
    },
    /// It is over (`SIPIncomingSubscriptionDidEnd`).
    DidEnd {
        /// Why.
        cause: Cause,
    },
}

impl NotifierEvent {
    /// The names of the reference.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::GotSubscribe { .. } => &["SIPIncomingSubscriptionGotSubscribe"],
            Self::GotRefer { .. } => &["SIPIncomingReferralGotRefer"],
            Self::ChangedState { .. } => &["SIPIncomingSubscriptionChangedState"],
            Self::GotRefreshingSubscribe { .. } => &["SIPIncomingSubscriptionGotRefreshingSubscribe"],
            Self::GotUnsubscribe => &["SIPIncomingSubscriptionGotUnsubscribe"],
            Self::SentNotify => &["SIPIncomingSubscriptionSentNotify"],
            Self::NotifyDidSucceed { .. } => &["SIPIncomingSubscriptionNotifyDidSucceed"],
            Self::NotifyDidFail { .. } => &["SIPIncomingSubscriptionNotifyDidFail"],
            Self::DidEnd { .. } => &["SIPIncomingSubscriptionDidEnd"],
        }
    }
}
