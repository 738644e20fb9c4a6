//! A request that came, and the answers to it.

use crate::config::Config;
use crate::dialog::DialogId;
use crate::id::TransactionId;
use crate::sip::{BuildError, Builder, Essentials, HeaderName, Received, Request, Response, Text};

use super::timer::TIMER;

/// A request that came, with what is needed to answer it.
#[derive(Clone, Debug)]
pub struct Incoming {
    /// Its server transaction.
    pub transaction: TransactionId,
    /// The request.
    pub request: Request,
    /// The fields that every message has.
    pub essentials: Essentials,
    /// Where it came from, for `received` and `rport` (RFC 3581).
    pub received: Received,
}

/// The option tag of reliable provisional responses (RFC 3262).
pub(super) const RELIABLE: &str = "100rel";

/// The extensions that this side supports.
pub fn supported(config: &Config) -> impl Iterator<Item = &'static str> {
    [RELIABLE, "replaces", "norefersub"].into_iter().chain(config.session_timer.enabled.then_some(TIMER))
}

/// The methods that this side understands, for Allow headers.
pub const ALLOWED: &str = "INVITE, ACK, CANCEL, BYE, OPTIONS, INFO, PRACK, UPDATE, REFER, SUBSCRIBE, NOTIFY, MESSAGE";

/// The value of a Supported header.
#[must_use]
pub fn supported_value(config: &Config) -> &'static str {
    if config.session_timer.enabled { "100rel, replaces, norefersub, timer" } else { "100rel, replaces, norefersub" }
}

impl Incoming {
    /// The dialog that it says to be in, as this side names it.
    #[must_use]
    pub fn dialog(&self) -> DialogId {
        let local_tag = self.essentials.to.tag().unwrap_or_default();
        DialogId::new(&self.essentials.call_id, local_tag, self.essentials.from.tag().unwrap_or_default())
    }

    /// Starts a response with our tag, and the Server header.
    pub fn reply(&self, code: u16, reason: Option<&str>, to_tag: &str, server: &Text) -> Builder<Response> {
        Response::reply(&self.request, code, reason, Some(to_tag), Some(&self.received))
            .field(HeaderName::Server, server)
    }

    /// A whole response without further headers or body.
    ///
    /// # Errors
    /// When the reason phrase or the request's own headers cannot be written.
    pub fn plain(&self, code: u16, reason: Option<&str>, to_tag: &str, server: &Text) -> Result<Response, BuildError> {
        self.reply(code, reason, to_tag, server).finish()
    }
}
