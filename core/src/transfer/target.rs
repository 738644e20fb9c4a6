//! Whom a REFER asks to call (RFC 3515 section 2.1, RFC 3891, RFC 3892, RFC 4488).

use crate::sip::{Cursor, Header, HeaderName, NameAddr, ReferSub, ReferTo, Replaces, Request, SipUri, Text, Uri};

/// Whom a REFER asks to call, and on whose behalf.
#[derive(Clone, Debug, PartialEq)]
pub struct ReferTarget {
    /// Whom, without the headers that the URI asked for.
    pub to: NameAddr,
    /// The dialog whose place the new call is to take (RFC 3891): the only header of the URI that is followed.
    pub replaces: Option<Replaces>,
    /// The Referred-By field, as it came: it goes into the new INVITE (RFC 3892 section 2.2).
    pub referred_by: Option<Text>,
    /// Whether the other side wants to be told what comes of it (RFC 4488).
    pub subscribes: bool,
}

/// Why a REFER is refused: the status code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadRefer(pub u16);

impl ReferTarget {
    /// Reads a REFER.
    ///
    /// # Errors
    /// With the code that refuses it: 400 unless there is exactly one Refer-To, 416 for a URI that cannot be called, 403 for another method than INVITE.
    pub fn read(request: &Request) -> Result<Self, BadRefer> {
        if request.count(HeaderName::ReferTo) != 1 {
            return Err(BadRefer(400));
        }
        let Ok(Some(ReferTo(address))) = request.get::<ReferTo>() else { return Err(BadRefer(400)) };
        let Uri::Sip(uri) = &address.uri else { return Err(BadRefer(416)) };
        if uri.method().is_some_and(|method| method != "INVITE") {
            return Err(BadRefer(403));
        }
        let replaces = replaces(uri)?;
        let to = NameAddr {
            uri: Uri::Sip(uri.as_request_uri()),
            display_name: address.display_name.clone(),
            ..NameAddr::new(address.uri.clone())
        };
        let subscribes =
            !matches!(request.get::<ReferSub>(), Ok(Some(ReferSub(item))) if item.value.eq_ignore_ascii_case("false"));
        let referred_by = request.text(HeaderName::ReferredBy).ok().flatten().map(|text| text.detached());
        Ok(Self { to: to.detached(), replaces, referred_by, subscribes })
    }
}

/// The Replaces header that a URI asks for.
fn replaces(uri: &SipUri) -> Result<Option<Replaces>, BadRefer> {
    let mut found = uri.embedded().filter(|(name, ..)| *name == HeaderName::Replaces);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some((.., value)), None) => {
            Replaces::read(&mut Cursor::new(&Text::from(value))).map(Some).map_err(|_| BadRefer(400))
        }
        (Some(_), Some(_)) => Err(BadRefer(400)),
    }
}

/// The Refer-To that asks to call this party, in place of a dialog if there is one.
#[must_use]
pub fn refer_to(to: &NameAddr, replaces: Option<&Replaces>) -> NameAddr {
    let mut address = NameAddr { display_name: to.display_name.clone(), ..NameAddr::new(to.uri.clone()) };
    if let (Uri::Sip(uri), Some(replaces)) = (&mut address.uri, replaces) {
        *uri = uri.as_request_uri().with_embedded("Replaces", &replaces.to_string());
    }
    address
}
