//! The checks of a message that need no state (RFC 3261 sections 8.2 and 18.1.2), and the fields that every message must have.

use memchr::memchr;

use super::headers::Field;
use super::list::Members;
use super::{
    CSeq, CallId, Header, HeaderError, HeaderFault, HeaderName, Headers, MaxForwards, Method, NameAddr, Occurs,
    Rejection, Request, Response, Text, Uri, Via,
};

/// The fields that every message must have, typed once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Essentials {
    /// The topmost Via.
    pub via: Via,
    /// How many Via there are, of whatever form the others are.
    pub via_count: usize,
    /// Who sent the request.
    pub from: NameAddr,
    /// Whom it is for.
    pub to: NameAddr,
    /// The Call-ID, to be compared with its case.
    pub call_id: Text,
    /// Number and method.
    pub cseq: CSeq,
    /// Max-Forwards; none in responses, and in requests of RFC 2543.
    pub max_forwards: Option<u8>,
}

impl Request {
    /// Checks what can be checked without state: the version, fields that are missing, repeated, or not of their grammar when they
    /// matter to every request, the Request-URI, and that CSeq and request line agree on a method that is known.
    ///
    /// What an extension or a scheme means is for the user agent to judge: 416, 420, 415 are not decided here.
    ///
    /// # Errors
    /// Says with which response the request is to be rejected, and which byte is at fault.
    pub fn validate(&self) -> Result<Essentials, Rejection> {
        if !self.is_supported_version() {
            return Err(self.reject(505, "Version Not Supported", self.version));
        }
        let bad_field = |error: HeaderError| self.reject_field(&error);
        let places = Places::find(self, |name| name.occurs() == Occurs::Once).map_err(bad_field)?;
        let uri = self.uri().map_err(|error| self.reject(400, "Bad Request-URI", error.at))?;
        if let Uri::Sip(uri) = &uri
            && !uri.headers.is_empty()
        {
            let at = self.uri.end.saturating_sub(uri.headers.len() + 1);
            return Err(self.reject(400, "Headers in Request-URI", at));
        }
        let mut essentials = places.essentials(self).map_err(bad_field)?;
        // An unknown method is better refused as such (RFC 4475 section 3.1.2.18).
        if essentials.cseq.method != *self.method() && !matches!(self.method(), Method::Other(_)) {
            return Err(self.reject(400, "CSeq Method Mismatch", self.place(HeaderName::CSeq)));
        }
        if let Some(field) = places.max_forwards {
            let MaxForwards(hops) = self.read_field(field, MaxForwards::read).map_err(bad_field)?;
            essentials.max_forwards = Some(hops);
        }
        if places.has_contact {
            self.contacts().try_for_each(|contact| contact.map(drop)).map_err(bad_field)?;
        }
        Ok(essentials)
    }

    fn reject(&self, code: u16, reason: &'static str, at: usize) -> Rejection {
        Rejection { code: self.code(code), reason: Text::from_static(reason), at }
    }

    fn reject_field(&self, error: &HeaderError) -> Rejection {
        Rejection { code: self.code(400), reason: reason(error), at: error.at }
    }

    /// The code, or 0 where no response is sent: an ACK is never answered.
    fn code(&self, code: u16) -> u16 {
        if self.is_answerable() { code } else { 0 }
    }
}

impl Response {
    /// Checks that the fields which every response must have are there once, and of their grammar.
    ///
    /// # Errors
    /// Says which byte is at fault. The response is to be dropped: the code is 0.
    pub fn validate(&self) -> Result<Essentials, Rejection> {
        let once = |name| matches!(name, HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq);
        Places::find(self, once).and_then(|places| places.essentials(self)).map_err(|error| Rejection {
            code: 0,
            reason: reason(&error),
            at: error.at,
        })
    }
}

/// Where the fields stand that every message must have, from one walk over the index.
#[derive(Default)]
struct Places<'a> {
    from: Option<&'a Field>,
    to: Option<&'a Field>,
    call_id: Option<&'a Field>,
    cseq: Option<&'a Field>,
    max_forwards: Option<&'a Field>,
    has_contact: bool,
}

impl<'a> Places<'a> {
    /// Finds the fields. Those for which `once` holds must not be there twice.
    fn find(headers: &'a Headers, once: impl Fn(HeaderName) -> bool) -> Result<Self, HeaderError> {
        let mut places = Self::default();
        let mut seen = 0_u128;
        for field in &headers.fields {
            let bit = 1_u128 << (field.name as u8);
            if seen & bit != 0 && once(field.name) {
                let at = field.name_range().start;
                return Err(HeaderError { name: field.name, at, fault: HeaderFault::Repeated });
            }
            seen |= bit;
            places.note(field);
        }
        Ok(places)
    }

    fn note(&mut self, field: &'a Field) {
        let name = field.name;
        self.has_contact |= name == HeaderName::Contact;
        for (wanted, place) in [
            (HeaderName::From, &mut self.from),
            (HeaderName::To, &mut self.to),
            (HeaderName::CallId, &mut self.call_id),
            (HeaderName::CSeq, &mut self.cseq),
            (HeaderName::MaxForwards, &mut self.max_forwards),
        ] {
            if name == wanted {
                *place = Some(field);
            }
        }
    }

    fn essentials(&self, headers: &Headers) -> Result<Essentials, HeaderError> {
        let need = |field: Option<&'a Field>, name| field.ok_or_else(|| headers.missing(name));
        let via = headers.via()?;
        if via.params.count("branch") > 1 {
            return Err(in_value(headers, HeaderName::Via, HeaderFault::ParameterRepeated));
        }
        let via_count = vias(headers)?;
        let from = headers.read_field(need(self.from, HeaderName::From)?, NameAddr::read)?;
        one_tag(headers, HeaderName::From, &from)?;
        let to = headers.read_field(need(self.to, HeaderName::To)?, NameAddr::read)?;
        one_tag(headers, HeaderName::To, &to)?;
        let CallId(call_id) = headers.read_field(need(self.call_id, HeaderName::CallId)?, CallId::read)?;
        let cseq = headers.read_field(need(self.cseq, HeaderName::CSeq)?, CSeq::read)?;
        Ok(Essentials { via, via_count, from, to, call_id, cseq, max_forwards: None })
    }
}

/// The number of Vias, none of which may be empty.
fn vias(headers: &Headers) -> Result<usize, HeaderError> {
    let mut count = 0;
    for field in headers.fields.iter().filter(|field| field.name == HeaderName::Via) {
        let value = headers.part(field.value_range());
        if memchr(b',', value).is_none() {
            count += 1;
            continue;
        }
        for member in Members::new(value) {
            if member.is_empty() {
                let at = field.value_range().start + member.start;
                return Err(HeaderError { name: field.name, at, fault: HeaderFault::Expected("a Via") });
            }
            count += 1;
        }
    }
    Ok(count)
}

/// A tag must be a value without quotes, and there is one at most.
fn one_tag(headers: &Headers, name: HeaderName, address: &NameAddr) -> Result<(), HeaderError> {
    match address.params.count("tag") {
        0 => Ok(()),
        1 if address.params.bare("tag").is_some() => Ok(()),
        1 => Err(in_value(headers, name, HeaderFault::Expected("a tag"))),
        _ => Err(in_value(headers, name, HeaderFault::ParameterRepeated)),
    }
}

fn in_value(headers: &Headers, name: HeaderName, fault: HeaderFault) -> HeaderError {
    HeaderError { name, at: headers.place(name), fault }
}

impl Headers {
    /// Where the first value of this name begins.
    fn place(&self, name: HeaderName) -> usize {
        self.find(name).map_or(0, |field| field.value_range().start)
    }
}

fn reason(error: &HeaderError) -> Text {
    match error.fault {
        HeaderFault::Missing => Text::from(format!("Missing {}", error.name)),
        HeaderFault::Repeated => Text::from(format!("Repeated {}", error.name)),
        HeaderFault::NotUtf8
        | HeaderFault::Expected(_)
        | HeaderFault::OutOfRange
        | HeaderFault::ParameterRepeated
        | HeaderFault::Uri(_) => Text::from(format!("Bad {}", error.name)),
    }
}
