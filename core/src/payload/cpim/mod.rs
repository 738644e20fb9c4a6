//! CPIM messages (RFC 3862): `message/cpim`.
//!
//! ```text
//! From: "Alice" <sip:alice@example.com>        header fields, one a line, UTF-8, names in their exact case
//! DateTime: 2010-12-08T10:18:00Z
//! Subject:;lang=fr Déjeuner ?
//! NS: imdn <urn:ietf:params:imdn>              a namespace, for the fields that follow
//! imdn.Message-ID: Jfsg2wLk
//!
//! Content-Type: text/plain; charset=utf-8      a MIME entity
//!
//! Hello
//! ```

mod address;
mod escape;
mod parse;
#[cfg(test)]
mod tests;
mod write;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

pub use address::Address;

use super::Error;
use super::mime::Entity;
use crate::limits::Limits;
use crate::time::Utc;

/// The namespace of the fields of RFC 3862, and of all without a prefix unless the message says otherwise.
pub const CPIM: &str = "urn:ietf:params:cpim-headers:";

/// The name of a header field with its namespace (RFC 3862 section 3.4). Case matters.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct FieldName {
    /// The URI of the namespace.
    pub namespace: String,
    /// The name within it.
    pub name: String,
}

impl FieldName {
    /// A name.
    #[must_use]
    pub fn new(namespace: &str, name: &str) -> Self {
        Self { namespace: namespace.to_owned(), name: name.to_owned() }
    }
}

/// A subject in a language (RFC 3862 sections 3.3 and 4.5).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Subject {
    /// The language (RFC 5646), if it is told.
    pub language: Option<String>,
    /// The subject.
    pub text: String,
}

/// A header field that RFC 3862 does not define.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Field {
    /// Its name.
    pub name: FieldName,
    /// The language of its value, if it is told.
    pub language: Option<String>,
    /// Its value, escapes undone.
    pub value: String,
}

/// A CPIM message.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// Who sent it.
    pub from: Option<Address>,
    /// Whom it is for.
    pub to: Vec<Address>,
    /// Who gets a courtesy copy.
    pub cc: Vec<Address>,
    /// What it is about, in several languages.
    pub subjects: Vec<Subject>,
    /// When it was sent.
    pub date_time: Option<Utc>,
    /// What the recipient must understand (RFC 3862 section 3.5).
    pub required: Vec<FieldName>,
    /// The other header fields.
    pub fields: Vec<Field>,
    /// What it says.
    pub content: Entity,
}

impl Message {
    /// The content type of such a body.
    pub const CONTENT_TYPE: &'static str = "message/cpim";

    /// The value of the first other field of this name.
    #[must_use]
    pub fn field(&self, namespace: &str, name: &str) -> Option<&str> {
        let is_it = |field: &&Field| field.name.name == name && field.name.namespace == namespace;
        self.fields.iter().find(is_it).map(|field| field.value.as_str())
    }

    /// What the recipient must understand and `understands` does not. A message with such a field must not be shown as if it were understood.
    pub fn not_understood(&self, understands: impl Fn(&FieldName) -> bool) -> impl Iterator<Item = &FieldName> {
        let is_ours = |name: &FieldName| name.namespace == CPIM && parse::Known::of(&name.name).is_some();
        self.required.iter().filter(move |name| !is_ours(name) && !understands(name))
    }

    /// Reads a message. Its content shares the bytes, and may be of any length.
    ///
    /// # Errors
    /// When the header fields exceed a limit, one of RFC 3862 does not read, or the content has no type.
    pub fn parse(bytes: &Bytes, limits: &Limits) -> Result<Self, Error> {
        parse::parse(bytes, limits)
    }

    /// Writes the message.
    #[must_use]
    pub fn write(&self) -> Bytes {
        write::write(self)
    }
}
