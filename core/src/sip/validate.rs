//! The checks of a message that need no state (RFC 3261 sections 8.2 and 18.1.2), and the fields that every message must have.

use super::{
    CSeq, Contact, HeaderError, HeaderFault, HeaderName, Headers, MaxForwards, Method, NameAddr, Occurs, Rejection,
    Request, Response, Text, Uri, Via, grammar,
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

impl Essentials {
    fn read(headers: &Headers) -> Result<Self, HeaderError> {
        let via = headers.via()?;
        let (from, to) = (headers.from()?, headers.to()?);
        one_tag(headers, HeaderName::From, &from)?;
        one_tag(headers, HeaderName::To, &to)?;
        if via.params.count("branch") > 1 {
            return Err(parameter_repeated(headers, HeaderName::Via));
        }
        Ok(Self {
            via,
            via_count: headers.count(HeaderName::Via),
            from,
            to,
            call_id: headers.call_id()?,
            cseq: headers.cseq()?,
            max_forwards: None,
        })
    }
}

/// A tag must have a value, and there is one at most.
fn one_tag(headers: &Headers, name: HeaderName, address: &NameAddr) -> Result<(), HeaderError> {
    match address.params.count("tag") {
        0 => Ok(()),
        1 if address.tag().is_some_and(|tag| grammar::all(tag.as_bytes(), grammar::VALUE)) => Ok(()),
        1 => Err(HeaderError { fault: HeaderFault::Expected("a tag"), ..parameter_repeated(headers, name) }),
        _ => Err(parameter_repeated(headers, name)),
    }
}

fn parameter_repeated(headers: &Headers, name: HeaderName) -> HeaderError {
    let at = headers.find(name).map_or(0, |field| field.value_range().start);
    HeaderError { name, at, fault: HeaderFault::ParameterRepeated }
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
        if let Some(error) = self.repeated(|occurs, _| occurs == Occurs::Once) {
            return Err(self.reject_header(&error));
        }
        let uri = self.uri().map_err(|error| self.reject(400, "Bad Request-URI", error.at))?;
        if let Uri::Sip(uri) = &uri
            && !uri.headers.is_empty()
        {
            let at = self.uri.end.saturating_sub(uri.headers.len() + 1);
            return Err(self.reject(400, "Headers in Request-URI", at));
        }
        let mut essentials = Essentials::read(self).map_err(|error| self.reject_header(&error))?;
        // An unknown method is better refused as such (RFC 4475 section 3.1.2.18).
        if essentials.cseq.method != *self.method() && !matches!(self.method(), Method::Other(_)) {
            let at = self.find(HeaderName::CSeq).map_or(0, |field| field.value_range().start);
            return Err(self.reject(400, "CSeq Method Mismatch", at));
        }
        let max_forwards = self.get::<MaxForwards>().map_err(|error| self.reject_header(&error))?;
        essentials.max_forwards = max_forwards.map(|MaxForwards(hops)| hops);
        for contact in self.all::<Contact>() {
            contact.map_err(|error| self.reject_header(&error))?;
        }
        Ok(essentials)
    }

    fn reject(&self, code: u16, reason: &'static str, at: usize) -> Rejection {
        // An ACK is never answered.
        let code = if self.is_answerable() { code } else { 0 };
        Rejection { code, reason: Text::from_static(reason), at }
    }

    fn reject_header(&self, error: &HeaderError) -> Rejection {
        Rejection { reason: reason(error), ..self.reject(400, "", error.at) }
    }
}

impl Response {
    /// Checks that the fields which every response must have are there once, and of their grammar.
    ///
    /// # Errors
    /// Says which byte is at fault. The response is to be dropped: the code is 0.
    pub fn validate(&self) -> Result<Essentials, Rejection> {
        let essential =
            |_, name| matches!(name, HeaderName::From | HeaderName::To | HeaderName::CallId | HeaderName::CSeq);
        let read = match self.repeated(essential) {
            Some(error) => Err(error),
            None => Essentials::read(self),
        };
        read.map_err(|error| Rejection { code: 0, reason: reason(&error), at: error.at })
    }
}

impl Headers {
    /// The first field that is there a second time though it must not be.
    fn repeated(&self, once: impl Fn(Occurs, HeaderName) -> bool) -> Option<HeaderError> {
        let mut seen = 0_u128;
        for field in &self.fields {
            if !once(field.name.occurs(), field.name) {
                continue;
            }
            let bit = 1_u128 << (field.name as u8);
            if seen & bit != 0 {
                return Some(HeaderError {
                    name: field.name,
                    at: field.name_range().start,
                    fault: HeaderFault::Repeated,
                });
            }
            seen |= bit;
        }
        None
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
