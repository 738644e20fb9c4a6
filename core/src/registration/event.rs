//! What a registration tells.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::cause::Cause;
use crate::sip::Text;
use crate::transport::Route;

/// News of the registration of an account (`SIPAccountRegistration…` of the seeds).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum RegistrationEvent {
    /// It is about to register, and was not registered before (`SIPAccountWillRegister`).
    WillRegister,
    /// It is about to refresh the registration (`SIPAccountRegistrationWillRefresh`).
    WillRefresh,
    /// A REGISTER has its final answer (`SIPAccountRegistrationGotAnswer`).
    GotAnswer {
        /// The status code.
        code: u16,
        /// The reason phrase.
        reason: Text,
        /// Where the REGISTER went.
        registrar: Route,
    },
    /// It is registered, or still is (`SIPAccountRegistrationDidSucceed`).
    DidSucceed {
        /// The Contact that was registered.
        contact: Text,
        /// Every Contact that is registered for the account, this one among them.
        contacts: Vec<Text>,
        /// In how many seconds it expires.
        expires: u32,
        /// Where the REGISTER went.
        registrar: Route,
    },
    /// It is not registered (`SIPAccountRegistrationDidFail`).
    DidFail {
        /// Why, in the seeds' words.
        error: Text,
        /// After what time it is tried again.
        timeout: Duration,
        /// Why.
        cause: Cause,
    },
    /// It is about to unregister (`SCRegistrationWillEnd`).
    WillEnd,
    /// It is unregistered (`SIPAccountRegistrationDidEnd`).
    DidEnd,
    /// It could not be unregistered; the registrar forgets it in time (`SIPAccountRegistrationDidNotEnd`).
    DidNotEnd {
        /// The status code; 408 where there was no answer.
        code: u16,
        /// Its reason phrase.
        reason: Text,
        /// Why.
        cause: Cause,
    },
}

impl RegistrationEvent {
    /// The names that the seeds give this notification: seed 002's first, then seed 000's.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::WillRegister => &["SIPAccountWillRegister"],
            Self::WillRefresh => &["SIPAccountRegistrationWillRefresh"],
            Self::GotAnswer { .. } => &["SIPAccountRegistrationGotAnswer"],
            Self::DidSucceed { .. } => &["SIPAccountRegistrationDidSucceed", "SCRegistrationDidSucceed"],
            Self::DidFail { .. } => &["SIPAccountRegistrationDidFail", "SCRegistrationDidFail"],
            Self::WillEnd => &["SCRegistrationWillEnd"],
            Self::DidEnd => &["SIPAccountRegistrationDidEnd", "SCRegistrationDidEnd"],
            Self::DidNotEnd { .. } => &["SIPAccountRegistrationDidNotEnd"],
        }
    }
}
