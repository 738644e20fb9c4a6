//! The fields that the rooms around ask for most, by their names.

use super::{
    Allow, CSeq, CallId, Contact, Expires, Header, HeaderError, HeaderName, Headers, MaxForwards, MediaType, Method,
    NameAddr, Occurs, Require, Supported, Text, Via,
};

impl Headers {
    /// The topmost Via.
    ///
    /// # Errors
    /// When it is missing or malformed.
    pub fn via(&self) -> Result<Via, HeaderError> {
        self.need()
    }

    /// From.
    ///
    /// # Errors
    /// When it is missing, repeated or malformed.
    pub fn from(&self) -> Result<NameAddr, HeaderError> {
        self.need_as(HeaderName::From, NameAddr::read)
    }

    /// To.
    ///
    /// # Errors
    /// When it is missing, repeated or malformed.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.need_as(HeaderName::To, NameAddr::read)
    }

    /// Call-ID.
    ///
    /// # Errors
    /// When it is missing, repeated or malformed.
    pub fn call_id(&self) -> Result<Text, HeaderError> {
        self.need().map(|CallId(text)| text)
    }

    /// CSeq.
    ///
    /// # Errors
    /// When it is missing, repeated or malformed.
    pub fn cseq(&self) -> Result<CSeq, HeaderError> {
        self.need()
    }

    /// Every Contact.
    pub fn contacts(&self) -> impl Iterator<Item = Result<Contact, HeaderError>> {
        self.all()
    }

    /// Every Route in the order of visits.
    pub fn routes(&self) -> impl Iterator<Item = Result<NameAddr, HeaderError>> {
        self.all_as(HeaderName::Route, NameAddr::read)
    }

    /// Every Record-Route in the order of the message.
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr, HeaderError>> {
        self.all_as(HeaderName::RecordRoute, NameAddr::read)
    }

    /// The type of the body.
    ///
    /// # Errors
    /// When it is repeated or malformed.
    pub fn content_type(&self) -> Result<Option<MediaType>, HeaderError> {
        self.read(HeaderName::ContentType, MediaType::read)
    }

    /// Max-Forwards.
    ///
    /// # Errors
    /// When it is repeated, no number, or larger than 255.
    pub fn max_forwards(&self) -> Result<Option<u8>, HeaderError> {
        Ok(self.get()?.map(|MaxForwards(hops)| hops))
    }

    /// Expires in seconds; more than 32 bits counts as the largest.
    ///
    /// # Errors
    /// When it is repeated or no number.
    pub fn expires(&self) -> Result<Option<u32>, HeaderError> {
        Ok(self.get()?.map(|Expires(seconds)| seconds))
    }

    /// Whether the sender understands the extension `tag` (RFC 3261 section 20.37). Malformed members are passed over.
    #[must_use]
    pub fn supports(&self, tag: &str) -> bool {
        self.all::<Supported>().flatten().any(|supported| supported.is(tag))
    }

    /// Every extension that must be understood (RFC 3261 section 20.32).
    pub fn requires(&self) -> impl Iterator<Item = Result<Require, HeaderError>> {
        self.all()
    }

    /// Whether the sender understands the method (RFC 3261 section 20.5); none when it does not say.
    #[must_use]
    pub fn allows(&self, method: &Method) -> Option<bool> {
        self.has(HeaderName::Allow).then(|| self.all::<Allow>().flatten().any(|Allow(allowed)| allowed == *method))
    }

    /// Every field that is known here and not of its grammar: its first error. Nothing else looks at all fields of a message; what is not
    /// needed may be malformed.
    pub fn faults(&self) -> impl Iterator<Item = HeaderError> {
        CHECKS.iter().filter_map(|(_, check)| check(self))
    }
}

/// The first error of the fields of one name.
type Check = fn(&Headers) -> Option<HeaderError>;

fn check<H: Header>(headers: &Headers) -> Option<HeaderError> {
    match H::NAME.occurs() {
        Occurs::Once => headers.get::<H>().err(),
        Occurs::Informs | Occurs::List | Occurs::Fields => headers.all::<H>().find_map(Result::err),
    }
}

macro_rules! checks {
    ($($header:ident)*) => {
        /// How the fields of each name are checked.
        const CHECKS: &[(HeaderName, Check)] = &[$((super::$header::NAME, check::<super::$header>)),*];
    };
}

checks! {
    Accept AcceptContact AcceptEncoding AcceptLanguage AlertInfo Allow AllowEvents AnswerMode AuthenticationInfo Authorization CallId
    CSeq CallInfo Contact ContentDisposition ContentEncoding ContentLanguage ContentLength ContentType Date ErrorInfo Event Expires FlowTimer
    From Geolocation GeolocationError GeolocationRouting HistoryInfo InReplyTo Join MaxBreadth MaxForwards MimeVersion MinExpires MinSe
    Organization PAssertedIdentity PPreferredIdentity Path Priority Privacy PrivAnswerMode ProxyAuthenticate ProxyAuthorization
    ProxyRequire RAck Reason RecordRoute ReferSub ReferTo ReferredBy RejectContact Replaces ReplyTo RequestDisposition Require RetryAfter
    Route RSeq Server ServiceRoute SessionExpires SipEtag SipIfMatch Subject SubscriptionState Supported SuppressIfMatch TargetDialog
    Timestamp To Unsupported UserAgent UserToUser Via Warning WwwAuthenticate
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_that_is_known_is_checked() {
        let checked: Vec<_> = CHECKS.iter().map(|(name, _)| *name).collect();
        for name in HeaderName::ALL {
            assert_eq!(checked.iter().filter(|checked| *checked == name).count(), 1, "{name}");
        }
    }
}
