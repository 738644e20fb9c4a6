//! The fields that the rooms around ask for most, by their names.

use super::{
    CSeq, CallId, Contact, Expires, HeaderError, HeaderName, Headers, MaxForwards, MediaType, NameAddr, Text, Via,
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
}
