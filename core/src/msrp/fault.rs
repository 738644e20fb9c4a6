//! What can be wrong with a frame that has an end: a request is answered with 400 then.

use super::{Field, RangeFault};

/// What is wrong with the head of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// The transaction identifier is not of the grammar.
    #[error("the transaction identifier is not of 4 to 32 characters of an ident")]
    TransactionId,
    /// A line is no header field.
    #[error("a line is no header field")]
    Line,
    /// There are more header fields than the limit allows.
    #[error("there are too many header fields")]
    TooManyFields,
    /// To-Path and From-Path are not the first two header fields.
    #[error("To-Path and From-Path are not the first header fields")]
    NoPaths,
    /// A field stands there twice.
    #[error("{} is repeated", .0.as_str())]
    Repeated(Field),
    /// A field that must be there is not.
    #[error("{} is missing", .0.as_str())]
    Missing(Field),
    /// The value of a field does not read.
    #[error("the value of {} cannot be read", .0.as_str())]
    Value(Field),
    /// A URI in a path does not read.
    #[error("{}: {}", .0.as_str(), .1)]
    Uri(Field, UriFault),
    /// The Byte-Range does not read, or contradicts itself.
    #[error("Byte-Range: {0}")]
    ByteRange(#[from] RangeFault),
    /// A response has a body.
    #[error("a response has a body")]
    ResponseBody,
    /// A body has no type.
    #[error("the body has no Content-Type")]
    NoContentType,
}

/// What is wrong with an MSRP URI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UriFault {
    /// The scheme is neither `msrp` nor `msrps`.
    #[error("the scheme is neither msrp nor msrps")]
    Scheme,
    /// The user information has a character that may not stand there.
    #[error("the user information does not read")]
    User,
    /// The host is none.
    #[error("the host does not read")]
    Host,
    /// The port is none.
    #[error("the port does not read")]
    Port,
    /// The session identifier is empty, or has a character that may not stand there.
    #[error("the session identifier does not read")]
    SessionId,
    /// No transport is named.
    #[error("no transport is named")]
    Transport,
    /// A parameter does not read.
    #[error("a parameter does not read")]
    Parameter,
    /// There is none, or there are too many.
    #[error("the number of URIs is out of bounds")]
    Count,
}
