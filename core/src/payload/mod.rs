//! The bodies that events, messages and XCAP carry: read and written, bounded by [`Limits`](crate::limits::Limits), and nothing else.
//!
//! | body | where |
//! |---|---|
//! | message summary (RFC 3842) | [`message_summary`] |
//! | CPIM message (RFC 3862), MIME entity | [`cpim`], [`mime`] |
//! | presence (RFC 3863, 4479, 4480, 4482, 5196) | [`presence`] |
//! | message composition (RFC 3994) | [`composing`] |
//! | message disposition (RFC 5438) | [`imdn`] |
//! | part of a SIP message (RFC 3420) | [`sipfrag`] |
//! | multipart body (RFC 2046, 2387) | [`multipart`] |
//! | watchers (RFC 3858) | [`watcherinfo`] |
//! | dialogs (RFC 4235) | [`dialog_info`] |
//! | conference (RFC 4575) | [`conference`] |
//! | registrations (RFC 3680, 5628) | [`reginfo`] |
//! | resource list notification (RFC 4662) | [`rlmi`] |
//! | resource lists and services (RFC 4826) | [`resource_lists`] |
//! | rules (RFC 4745, 5025) | [`policy`] |
//! | XCAP capabilities, errors, changes (RFC 4825, 5874) | [`xcap`] |
//! | presence content | [`pres_content`] |
//!
//! Each document is a type with `parse` and `write`. What a document holds beyond its type is kept where the RFC lets documents be extended, so
//! that it survives being read and written.

pub mod composing;
pub mod conference;
pub mod cpim;
pub mod dialog_info;
mod error;
pub mod imdn;
pub mod message_summary;
pub mod mime;
pub mod multipart;
pub mod policy;
pub mod pres_content;
pub mod presence;
pub mod reginfo;
pub mod resource_lists;
pub mod rlmi;
pub mod sipfrag;
pub mod versioned;
pub mod watcherinfo;
pub mod xcap;
pub mod xml;

pub use error::{Error, Fault};
