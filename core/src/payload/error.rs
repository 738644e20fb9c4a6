//! Why a body is not what its type says.

use std::borrow::Cow;

/// A body that does not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("byte {at}: {fault}")]
pub struct Error {
    /// The byte of the body at which it does not read; of a value within an element, the byte at which the element begins.
    pub at: usize,
    /// What is wrong there.
    pub fault: Fault,
}

impl Error {
    pub(crate) const fn new(at: usize, fault: Fault) -> Self {
        Self { at, fault }
    }
}

/// What can be wrong with a body.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// More bytes than [`Limits::payload_bytes`](crate::limits::Limits::payload_bytes).
    #[error("the body is too long")]
    TooLong,
    /// Elements deeper within one another than [`Limits::xml_depth`](crate::limits::Limits::xml_depth).
    #[error("elements too deep")]
    TooDeep,
    /// More elements than [`Limits::xml_elements`](crate::limits::Limits::xml_elements).
    #[error("too many elements")]
    TooManyElements,
    /// More attributes of one element than [`Limits::xml_attributes`](crate::limits::Limits::xml_attributes).
    #[error("too many attributes")]
    TooManyAttributes,
    /// More namespaces than [`Limits::xml_namespaces`](crate::limits::Limits::xml_namespaces).
    #[error("too many namespaces")]
    TooManyNamespaces,
    /// More parts than [`Limits::parts`](crate::limits::Limits::parts).
    #[error("too many parts")]
    TooManyParts,
    /// More fields than [`Limits::header_fields`](crate::limits::Limits::header_fields).
    #[error("too many fields")]
    TooManyFields,
    /// Not UTF-8, or declared to be something else.
    #[error("not UTF-8")]
    NotUtf8,
    /// A document type declaration. None is read, so nothing can be expanded.
    #[error("a document type declaration")]
    Doctype,
    /// A reference to an entity that XML does not define.
    #[error("an unknown entity")]
    Entity,
    /// A character that XML does not allow.
    #[error("a character that is not allowed")]
    Character,
    /// Not well-formed.
    #[error("not well-formed")]
    Syntax,
    /// A prefix that no namespace is declared for.
    #[error("an undeclared prefix")]
    Prefix,
    /// An attribute that stands twice.
    #[error("an attribute repeated")]
    AttributeRepeated,
    /// The root of another kind of document.
    #[error("the root is not '{0}'")]
    Root(&'static str),
    /// An element, attribute or field that must be there is not.
    #[error("no '{0}'")]
    Missing(&'static str),
    /// An element or field that may be there once is there again, or an id is given twice.
    #[error("'{0}' repeated")]
    Repeated(&'static str),
    /// A value that is not of its kind.
    #[error("'{0}' does not read")]
    Value(Cow<'static, str>),
    /// A line that is not a field.
    #[error("not a field")]
    Field,
    /// A multipart body without its first or last boundary.
    #[error("no boundary")]
    Boundary,
}
