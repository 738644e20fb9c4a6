//! Typed header fields: each reads one value and prints it.

use std::fmt;

use super::{Cursor, HeaderError, HeaderName, Text};

mod address;
mod auth;
mod call;
mod date;
mod item;
mod media_type;
mod number;
#[cfg(test)]
mod tests;
mod text;
mod token;

pub use address::{
    AlertInfo, CallInfo, Contact, ErrorInfo, From, Geolocation, HistoryInfo, PAssertedIdentity, PPreferredIdentity,
    Path, RecordRoute, ReferTo, ReferredBy, ReplyTo, Route, ServiceRoute, To,
};
pub use auth::{
    Auth, AuthParams, AuthenticationInfo, Authorization, ProxyAuthenticate, ProxyAuthorization, WwwAuthenticate,
};
pub use call::{CallId, InReplyTo, Join, Replaces, TargetDialog};
pub use date::{Date, Timestamp, Warning};
pub use item::{
    AcceptContact, AcceptEncoding, AcceptLanguage, AnswerMode, ContentDisposition, Event, GeolocationError, Item,
    PrivAnswerMode, Reason, ReferSub, RejectContact, SubscriptionState, UserToUser,
};
pub use media_type::{Accept, ContentType, MediaType};
pub use number::{
    ContentLength, Expires, FlowTimer, MaxBreadth, MaxForwards, MinExpires, MinSe, RAck, RSeq, Refresher, RetryAfter,
    SessionExpires,
};
pub use text::{Organization, Server, Subject, UserAgent};
pub use token::{
    Allow, AllowEvents, ContentEncoding, ContentLanguage, GeolocationRouting, MimeVersion, Priority, Privacy,
    ProxyRequire, RequestDisposition, Require, SipEtag, SipIfMatch, Supported, SuppressIfMatch, Unsupported,
};

/// A typed header field: one value, or one member of a list.
///
/// `Display` prints the value; what it prints, when [`is_sound`](Self::is_sound), is read back as the same.
pub trait Header: Sized + fmt::Display {
    /// The field it stands in.
    const NAME: HeaderName;

    /// Reads one value, for lists one member, which is all that the cursor has left.
    ///
    /// # Errors
    /// Says at which byte it stops being one.
    fn read(cursor: &mut Cursor<'_>) -> Result<Self, HeaderError>;

    /// Reads one value, for lists one member.
    ///
    /// # Errors
    /// Says at which byte of `value` it stops being one.
    fn parse(value: &Text) -> Result<Self, HeaderError> {
        let mut read = Self::read(&mut Cursor::new(value));
        if let Err(error) = &mut read {
            error.name = Self::NAME;
        }
        read
    }

    /// Whether what is printed would be read back as the same. The fields of the values are open, so an application can put text into
    /// them that does not belong there; the builder refuses it.
    fn is_sound(&self) -> bool;
}
