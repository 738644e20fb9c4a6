//! The bodies that events, messages and XCAP carry: read and written, bounded by [`Limits`](crate::limits::Limits), and nothing else.
//!
//! | body | where |
//! |---|---|
//! | message summary (RFC 3842) | [`message_summary`] |
//! | CPIM message (RFC 3862), MIME entity | [`cpim`], [`mime`] |
//! | presence (RFC 3863, 4479, 4480, 4482) | [`presence`] |
//! | message composition (RFC 3994) | [`composing`] |
//!
//! Each document is a type with `parse` and `write`. What a document holds beyond its type is kept where the RFC lets documents be extended, so
//! that it survives being read and written.

pub mod composing;
pub mod cpim;
mod error;
pub mod message_summary;
pub mod mime;
pub mod presence;
pub mod xml;

pub use error::{Error, Fault};
