//! The XCAP servers of a domain: the TXT records of `xcap` below it (seed `lookup_xcap_server`).

use super::known::Known;
use super::{Data, LookupError, Name};
use crate::sip::{Host, Text};

/// The URIs, in the order of the answer; `None` while something has to be asked.
pub(super) fn servers(host: &Host, known: &mut Known) -> Option<Result<Vec<Text>, LookupError>> {
    let domain = Text::from(host.to_string());
    if host.ip().is_some() {
        return Some(Err(LookupError::IpAddress(domain)));
    }
    let name = Name::parse(&domain).and_then(|domain| domain.under("xcap"));
    let records = match name {
        Ok(name) => known.txt(&name)?,
        Err(_) => Vec::new(),
    };
    let mut uris: Vec<Text> = Vec::new();
    for record in records {
        let Data::Txt(strings) = record.data else { continue };
        uris.extend(strings.into_iter().filter(|string| is_http_uri(string)));
    }
    if !uris.is_empty() {
        return Some(Ok(uris));
    }
    Some(Err(match known.unasked() {
        Some(name) => LookupError::NoNameservers(name.clone()),
        None if known.timed_out() => LookupError::XcapTimeout(domain),
        None => LookupError::NoXcapServers(domain),
    }))
}

/// Whether this is an `http:` or `https:` URI with a host, without spaces or control characters.
fn is_http_uri(text: &str) -> bool {
    let rest = text
        .split_once("://")
        .filter(|(scheme, _)| ["http", "https"].iter().any(|known| scheme.eq_ignore_ascii_case(known)));
    let host = rest.and_then(|(_, rest)| rest.split(['/', '?', '#']).next());
    host.is_some_and(|host| !host.is_empty()) && text.chars().all(|letter| letter.is_ascii_graphic())
}
