//! A MESSAGE that came (RFC 3428 section 7), and what it carries: plain text, CPIM (RFC 3862), or the news that one is being composed (RFC 3994).

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::id::{AccountId, SessionId};
use crate::limits::Limits;
use crate::payload::composing::{IsComposing, State};
use crate::payload::cpim;
use crate::sip::{Date, Essentials, HeaderName, Request, Text};
use crate::time::Utc;
use crate::usage::Content;

/// A MESSAGE that came.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReceivedMessage {
    /// The account it is for.
    pub account: AccountId,
    /// The session in whose dialog it came.
    pub session: Option<SessionId>,
    /// The sender's name and URI, from the From header: a claim, not a proof.
    pub from: Text,
    /// The To header.
    pub to: Text,
    /// The Request-URI.
    pub request_uri: Text,
    /// The body with its type, as it came.
    pub content: Option<Content>,
    /// The CPIM message, if it is one.
    pub cpim: Option<Box<cpim::Message>>,
    /// Whether the sender composes a message, and for how many seconds that holds, if this says so.
    pub composing: Option<(State, Option<u32>)>,
    /// Whether its time was over when it came (RFC 3428 section 7).
    pub expired: bool,
}

/// Why a MESSAGE is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// The body has no type: 400.
    NoType,
    /// The body is encoded: 415.
    Encoded,
}

impl ReceivedMessage {
    /// What a MESSAGE says.
    ///
    /// # Errors
    /// When its body cannot be shown to anyone. One that is not of the type it claims is passed on as it is.
    pub fn read(
        request: &Request,
        essentials: &Essentials,
        account: AccountId,
        session: Option<SessionId>,
        utc: Utc,
        limits: &Limits,
    ) -> Result<Self, Unreadable> {
        if !request.body().is_empty() && !request.has(HeaderName::ContentType) {
            return Err(Unreadable::NoType);
        }
        let encoded = request
            .values(HeaderName::ContentEncoding)
            .any(|encoding| !encoding.is_ok_and(|encoding| encoding.eq_ignore_ascii_case("identity")));
        if encoded {
            return Err(Unreadable::Encoded);
        }
        let content = Content::of(request);
        let kind = request.content_type().ok().flatten();
        let is = |essence: &str| kind.as_ref().is_some_and(|kind| kind.is(essence));
        let body = content.as_ref().map_or_else(Bytes::new, |content| content.body.clone());
        let cpim = if is(cpim::Message::CONTENT_TYPE) { cpim::Message::parse(&body, limits).ok() } else { None };
        let composing = match &cpim {
            _ if is(IsComposing::CONTENT_TYPE) => IsComposing::parse(&body, limits).ok(),
            Some(cpim) if is_composing(cpim) => IsComposing::parse(&cpim.content.body, limits).ok(),
            Some(_) | None => None,
        };
        Ok(Self {
            account,
            session,
            from: essentials.from.to_string().into(),
            to: essentials.to.to_string().into(),
            request_uri: request.uri_text().detached(),
            content,
            cpim: cpim.map(Box::new),
            composing: composing.map(|composing| (composing.state, composing.refresh)),
            expired: expired(request, utc),
        })
    }
}

fn is_composing(cpim: &cpim::Message) -> bool {
    cpim.content.content_type().is_some_and(|kind| kind.is(IsComposing::CONTENT_TYPE))
}

/// Whether the time that a MESSAGE names, counted from its Date, is over.
fn expired(request: &Request, utc: Utc) -> bool {
    let (Ok(Some(expires)), Ok(Some(date))) = (request.expires(), request.get::<Date>()) else { return false };
    date.0.unix_millis.saturating_add(i64::from(expires) * 1000) < utc.unix_millis
}
