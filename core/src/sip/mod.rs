//! SIP messages (RFC 3261): parse, type lazily, build, print.
//!
//! A [`Message`] keeps the bytes it came in and an index of its header fields: one pass and one allocation. A field is typed when it is
//! asked for, and its parts are slices of the message. Unknown fields and parameters, and the order of all, survive.

mod build;
mod cseq;
mod cursor;
pub(crate) mod decimal;
pub mod digest;
mod error;
mod escape;
mod fields;
pub mod frame;
mod grammar;
mod head;
mod header;
mod headers;
mod host;
pub(crate) mod line;
mod list;
mod message;
mod method;
mod multipart;
mod name;
mod name_addr;
mod params;
mod print;
#[cfg(test)]
mod properties;
mod reply;
mod scan;
mod sip_uri;
mod status;
mod tel_uri;
#[cfg(test)]
mod tests;
mod text;
mod uri;
mod validate;
mod via;

pub use build::{BuildError, BuildFault, Builder, Kind};
pub use cseq::CSeq;
pub use cursor::Cursor;
pub(crate) use cursor::{quote, unquoted};
pub use error::{Fault, HeaderError, HeaderFault, ParseError, Rejection, UriError, UriFault};
pub use header::*;
pub use headers::{Headers, Values};
pub use host::{Host, NotAHost};
pub use message::{Message, Request, Response};
pub use method::Method;
pub use multipart::Part;
pub use name::{HeaderName, Occurs};
pub use name_addr::NameAddr;
pub use params::Params;
pub use reply::Received;
pub use sip_uri::SipUri;
pub use status::reason_phrase;
pub use tel_uri::TelUri;
pub use text::Text;
pub use uri::Uri;
pub use validate::Essentials;
pub use via::Via;
