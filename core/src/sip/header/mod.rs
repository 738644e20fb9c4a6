//! Typed header fields: each reads one value and prints it.

use std::fmt;

use super::{Cursor, HeaderError, HeaderName, Text};

mod address;
mod call;
mod media_type;
mod number;

pub use address::{
    Contact, From, PAssertedIdentity, PPreferredIdentity, Path, RecordRoute, ReferTo, ReferredBy, ReplyTo, Route,
    ServiceRoute, To,
};
pub use call::{CallId, InReplyTo};
pub use media_type::{Accept, ContentType, MediaType};
pub use number::{Expires, MaxForwards, MinExpires};

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
