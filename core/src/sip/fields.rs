//! The fields that the rooms around ask for most, by their names.

use super::{
    CSeq, CallId, Contact, ContentType, Expires, From, HeaderError, Headers, MaxForwards, MediaType, NameAddr,
    RecordRoute, Route, Text, To, Via,
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
        self.need().map(|From(address)| address)
    }

    /// To.
    ///
    /// # Errors
    /// When it is missing, repeated or malformed.
    pub fn to(&self) -> Result<NameAddr, HeaderError> {
        self.need().map(|To(address)| address)
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
        self.all().map(|route| route.map(|Route(address)| address))
    }

    /// Every Record-Route in the order of the message.
    pub fn record_routes(&self) -> impl Iterator<Item = Result<NameAddr, HeaderError>> {
        self.all().map(|route| route.map(|RecordRoute(address)| address))
    }

    /// The type of the body.
    ///
    /// # Errors
    /// When it is repeated or malformed.
    pub fn content_type(&self) -> Result<Option<MediaType>, HeaderError> {
        Ok(self.get()?.map(|ContentType(media)| media))
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
