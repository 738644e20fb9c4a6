//! What XCAP servers say besides documents: their capabilities and errors (RFC 4825 sections 11 and 12), and changes of documents (RFC 5874).

mod caps;
mod diff;
mod error;
#[cfg(test)]
mod tests;

pub use caps::{Auids, ExtensionNames, Namespaces, XcapCaps};
pub use diff::{AttributeChange, Change, DocumentChange, ElementChange, XcapDiff};
pub use error::{
    CannotDelete, CannotInsert, Cause, ConstraintFailure, Exists, NoParent, NotUtf8, NotWellFormed, NotXmlAttValue,
    NotXmlFrag, SchemaValidationError, UniquenessFailure, XcapError,
};
