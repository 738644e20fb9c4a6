//! The facts that a table states of a message, looked up in the core's reading of it.

use sipsimple_core::sip::{
    CSeq, Contact, Date, From, Header, HeaderError, HeaderName, Headers, Host, MaxForwards, Message, NameAddr, Params,
    Text, To, Uri, Via,
};

/// A fact: what is found, or the byte of an error.
pub(crate) enum Fact {
    Is(Option<Vec<u8>>),
    Error(usize),
}

impl Fact {
    fn some(value: impl ToString) -> Self {
        Self::Is(Some(value.to_string().into_bytes()))
    }

    fn maybe(value: Option<impl ToString>) -> Self {
        Self::Is(value.map(|value| value.to_string().into_bytes()))
    }

    /// What a typed reading gives.
    fn read<T>(read: Result<Option<T>, HeaderError>, fact: impl FnOnce(T) -> Self) -> Self {
        match read {
            Ok(Some(value)) => fact(value),
            Ok(None) => Self::Is(None),
            Err(error) => Self::Error(error.at),
        }
    }

    /// A parameter: absent, without a value, with one.
    fn param(params: &Params, name: &str) -> Self {
        Self::Is(params.get(name).map(|value| value.map_or_else(Vec::new, |value| value.as_bytes().to_vec())))
    }
}

/// The fact that `key` names. What is `wanted` decides only how it is written where there are several ways: addresses, equivalent URIs.
pub(crate) fn of(message: &Message, key: &str, wanted: Option<&[u8]>) -> Fact {
    let headers = message.headers();
    let (first, rest) = key.split_once('.').unwrap_or((key, ""));
    match (first, message) {
        ("method", Message::Request(request)) => Fact::some(request.method()),
        ("uri", Message::Request(request)) if rest.is_empty() => Fact::some(request.uri_text()),
        ("uri", Message::Request(request)) => match request.uri() {
            Ok(uri) => match rest.strip_prefix("param.") {
                Some(name) => uri_param(&uri, name),
                None => of_uri(&uri, rest, wanted),
            },
            Err(error) => Fact::Error(error.at),
        },
        ("code", Message::Response(response)) => Fact::some(response.code()),
        ("reason", Message::Response(response)) => Fact::some(response.reason()),
        ("call_id", _) => Fact::read(headers.text(HeaderName::CallId), Fact::some),
        ("cseq", _) => Fact::read(headers.get::<CSeq>(), |cseq| Fact::some(cseq.number)),
        ("max_forwards", _) => Fact::read(headers.get::<MaxForwards>(), |MaxForwards(hops)| Fact::some(hops)),
        ("via_count", _) => Fact::some(headers.values(HeaderName::Via).count()),
        ("contacts", _) => Fact::some(headers.values(HeaderName::Contact).count()),
        ("body_len", _) => Fact::some(headers.body().len()),
        ("via", _) => {
            let (place, part) = rest.split_once('.').expect("via.N.PART");
            let via = headers.all::<Via>().nth(place.parse().expect("a number"));
            Fact::read(via.transpose(), |via| of_via(&via, part, wanted))
        }
        ("from", _) => Fact::read(headers.get::<From>(), |From(from)| of_address(&from, rest, wanted)),
        ("to", _) => Fact::read(headers.get::<To>(), |To(to)| of_address(&to, rest, wanted)),
        ("contact", _) => {
            let (place, part) = rest.split_once('.').expect("contact.N.PART");
            let contact = headers.all::<Contact>().nth(place.parse().expect("a number"));
            Fact::read(contact.transpose(), |contact| match contact {
                Contact::Address(contact) => of_address(&contact, part, wanted),
                Contact::Star => Fact::some("*"),
            })
        }
        ("field", _) => Fact::Is(raw(headers, rest).first().map(|value| unfolded(value))),
        ("count", _) => match HeaderName::of(rest.as_bytes()) {
            HeaderName::Other => Fact::some(raw(headers, rest).len()),
            name => Fact::some(headers.values(name).count()),
        },
        ("error", _) => match rest {
            "Date" => error::<Date>(headers),
            "Contact" => error::<Contact>(headers),
            // No typed reading of these yet.
            _ => Fact::some("no"),
        },
        _ => panic!("no such fact of such a message: {key}"),
    }
}

/// Where the typed reading of a field fails.
fn error<H: Header>(headers: &Headers) -> Fact {
    headers.all::<H>().find_map(Result::err).map_or_else(|| Fact::some("no"), |error| Fact::Error(error.at))
}

/// The values of all fields of a name, as received.
fn raw<'a>(headers: &'a Headers, name: &'a str) -> Vec<&'a [u8]> {
    match HeaderName::of(name.as_bytes()) {
        HeaderName::Other => headers.other(name).collect(),
        known => headers.raw(known).collect(),
    }
}

/// A value in which each line end, with the white space around it, has become one space (RFC 3261 section 7.3.1).
fn unfolded(value: &[u8]) -> Vec<u8> {
    let lines: Vec<_> =
        value.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty()).collect();
    lines.join(&b' ')
}

fn of_via(via: &Via, part: &str, wanted: Option<&[u8]>) -> Fact {
    match part {
        "transport" => Fact::some(&via.transport),
        "host" => of_host(&via.host, wanted),
        "port" => Fact::maybe(via.port),
        "branch" => Fact::maybe(via.branch()),
        "received" => Fact::maybe(via.received()),
        "rport" => Fact::maybe(via.rport().map(|port| port.map_or_else(String::new, |port| port.to_string()))),
        other => panic!("no such part of a Via: {other}"),
    }
}

fn of_address(address: &NameAddr, part: &str, wanted: Option<&[u8]>) -> Fact {
    match part.split_once('.').unwrap_or((part, "")) {
        ("display", _) => Fact::Is(address.display_name.as_ref().map(|name| name.as_bytes().to_vec())),
        ("tag", _) => Fact::maybe(address.tag()),
        ("param", name) => Fact::param(&address.params, name),
        ("uri_param", name) => uri_param(&address.uri, name),
        ("same", _) => compared(&address.uri, wanted, true),
        ("other", _) => compared(&address.uri, wanted, false),
        _ => of_uri(&address.uri, part, wanted),
    }
}

fn of_uri(uri: &Uri, part: &str, wanted: Option<&[u8]>) -> Fact {
    match (part, uri.as_sip()) {
        ("uri", _) => Fact::some(uri),
        (_, None) => Fact::Is(None),
        ("user", Some(sip)) => Fact::maybe(sip.user.as_ref()),
        ("user_text", Some(sip)) => Fact::maybe(sip.user_unescaped()),
        ("password", Some(sip)) => Fact::maybe(sip.password.as_ref()),
        ("host", Some(sip)) => of_host(&sip.host, wanted),
        ("port", Some(sip)) => Fact::maybe(sip.port),
        (other, _) => panic!("no such part of a URI: {other}"),
    }
}

fn uri_param(uri: &Uri, name: &str) -> Fact {
    uri.as_sip().map_or(Fact::Is(None), |sip| Fact::param(&sip.params, name))
}

/// A host; an address is written as it is wanted when it is that address.
fn of_host(host: &Host, wanted: Option<&[u8]>) -> Fact {
    let wanted = wanted.and_then(|wanted| std::str::from_utf8(wanted).ok());
    match (host.ip(), wanted) {
        (Some(ip), Some(wanted)) if wanted.parse() == Ok(ip) => Fact::some(wanted),
        _ => Fact::some(host),
    }
}

/// The wanted URI, if it is as equivalent to this one as it should be (RFC 3261 section 19.1.4).
fn compared(uri: &Uri, wanted: Option<&[u8]>, same: bool) -> Fact {
    let wanted = std::str::from_utf8(wanted.expect("a URI to compare with")).expect("a URI is UTF-8");
    let equivalent = uri.equivalent(&Uri::parse(&Text::from(wanted)).expect("a URI"));
    if equivalent == same { Fact::some(wanted) } else { Fact::some(uri) }
}
