//! Names of header fields (RFC 4975 section 9, RFC 4976 section 9, RFC 7701 section 10). They are compared in any case.

macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident $text:literal;)*) => {
        /// The name of a header field.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Field {
            $($(#[$doc])* $name,)*
            /// A field that is not known here.
            Other,
        }

        impl Field {
            /// The name as it is written.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$name => $text,)*
                    Self::Other => "a header field",
                }
            }

            /// The field of this name.
            pub(super) fn named(name: &[u8]) -> Self {
                $(if name.eq_ignore_ascii_case($text.as_bytes()) { return Self::$name; })*
                Self::Other
            }
        }
    };
}

fields! {
    /// The URIs to visit, the next one first.
    ToPath "To-Path";
    /// The URIs that were visited, the last one first.
    FromPath "From-Path";
    /// The name of the message that a chunk is of.
    MessageId "Message-ID";
    /// Where in its message a chunk stands.
    ByteRange "Byte-Range";
    /// What became of a message, in a REPORT.
    Status "Status";
    /// Whether success is to be reported.
    SuccessReport "Success-Report";
    /// Whether failure is to be reported.
    FailureReport "Failure-Report";
    /// The type of the body.
    ContentType "Content-Type";
    /// The name of the body (RFC 2045).
    ContentId "Content-ID";
    /// A description of the body (RFC 2045).
    ContentDescription "Content-Description";
    /// What the body is for (RFC 2183).
    ContentDisposition "Content-Disposition";
    /// How long a relay keeps a session (RFC 4976).
    Expires "Expires";
    /// The shortest time a relay grants.
    MinExpires "Min-Expires";
    /// The longest time a relay grants.
    MaxExpires "Max-Expires";
    /// The URIs of the relay that a path begins with.
    UsePath "Use-Path";
    /// A challenge of a relay.
    WwwAuthenticate "WWW-Authenticate";
    /// The answer to it.
    Authorization "Authorization";
    /// What a relay tells one that it has authenticated.
    AuthenticationInfo "Authentication-Info";
    /// That an empty SEND only proves that its sender is alive; of the reference, not of an RFC.
    KeepAlive "Keep-Alive";
    /// The nickname that a participant wants (RFC 7701).
    UseNickname "Use-Nickname";
}

impl Field {
    /// A bit of its own, to see repetitions by.
    pub(super) const fn bit(self) -> u32 {
        if matches!(self, Self::Other) { 0 } else { 1 << self as u32 }
    }
}
