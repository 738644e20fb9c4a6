//! The small XML layer below the documents (XML 1.0, Namespaces in XML 1.0).
//!
//! ```text
//! bytes ─► Reader (bounds, namespaces) ─► Element (a tree) ─► typed document ─► Element ─► text
//! ```
//!
//! There are no document type declarations and no entities, and everything is bounded by [`Limits`](crate::limits::Limits). Typed documents are
//! declared with the macros of `record`; what they do not know they keep as [`Element`]s and [`Attribute`]s, so that a document survives being
//! read and written. Comments, processing instructions and the choice of prefixes do not.

mod escape;
pub mod name;
pub(crate) mod patch;
mod reader;
pub(crate) mod record;
#[cfg(test)]
mod tests;
mod tree;
mod value;
mod write;

pub use name::Name;
pub use reader::{Event, Reader};
pub use tree::{Attribute, Content, Element};
pub use value::Value;
