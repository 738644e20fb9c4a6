//! Messages that scripts write: built field by field, without the core's help, so that anything can be said, also what is wrong.

use std::net::SocketAddr;

use bytes::Bytes;

use crate::sip::{Sip, Start, address_of, uri_of};

/// A SIP message that is being written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    start: String,
    fields: Vec<(String, String)>,
    body: Bytes,
    /// Whether Content-Length is added when none is there.
    measured: bool,
}

impl Draft {
    /// A message with this start line and nothing else.
    #[must_use]
    pub fn new(start: impl Into<String>) -> Self {
        Self { start: start.into(), fields: Vec::new(), body: Bytes::new(), measured: true }
    }

    /// A request outside of a dialog, with all that RFC 3261 section 8.1.1 wants: from `sip:script@…` at `own`, with a tag, Call-ID and
    /// branch made of `name`, which so should be used once. The Contact is `own`.
    #[must_use]
    pub fn request(method: &str, uri: &str, own: SocketAddr, name: &str) -> Self {
        Self::new(format!("{method} {uri} SIP/2.0"))
            .with("Via", format!("SIP/2.0/UDP {own};branch=z9hG4bK-{name};rport"))
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:script@{own}>;tag=from-{name}"))
            .with("To", format!("<{uri}>"))
            .with("Call-ID", format!("call-{name}"))
            .with("CSeq", format!("1 {method}"))
            .with("Contact", format!("<sip:script@{own}>"))
    }

    /// The response to a request with what RFC 3261 section 8.2.6 wants: Via, From, Call-ID, CSeq and Record-Route as they came, and To with this tag
    /// unless it has one or the code is 100.
    #[must_use]
    pub fn response(request: &Sip, code: u16, tag: &str) -> Self {
        let mut draft = Self::new(format!("SIP/2.0 {code} {}", reason(code)));
        for (name, value) in request.fields() {
            let name = match name.as_str() {
                "via" => "Via",
                "from" => "From",
                "to" => "To",
                "call-id" => "Call-ID",
                "cseq" => "CSeq",
                "record-route" => "Record-Route",
                _ => continue,
            };
            let tagged = name != "To" || code == 100 || !request.to_tag().is_empty();
            let value = if tagged { value.clone() } else { format!("{value};tag={tag}") };
            draft.fields.push((name.to_owned(), value));
        }
        draft
    }

    /// The ACK of a final response to an INVITE: in the INVITE's transaction for a refusal (RFC 3261 section 17.1.1.3), in one of its own
    /// for a success (section 13.2.2.4).
    #[must_use]
    pub fn ack(invite: &Sip, response: &Sip) -> Self {
        let success = response.code() < 300;
        let uri = if success && !response.contact().is_empty() { response.contact() } else { invite.uri() };
        let via = *invite.list("via").first().unwrap_or(&"");
        let own = invite.branch();
        let via = if success { via.replace(own, &format!("{own}-ack-{}", response.to_tag())) } else { via.to_owned() };
        let mut draft = Self::new(format!("ACK {uri} SIP/2.0")).with("Via", via).with("Max-Forwards", "70");
        let mut routes: Vec<&str> = if success { response.list("record-route") } else { Vec::new() };
        routes.reverse();
        for route in routes {
            draft = draft.with("Route", route);
        }
        draft
            .with("From", invite.header("from").unwrap_or_default())
            .with("To", response.header("to").unwrap_or_default())
            .with("Call-ID", invite.call_id())
            .with("CSeq", format!("{} ACK", invite.cseq().0))
    }

    /// The CANCEL of a request (RFC 3261 section 9.1).
    #[must_use]
    pub fn cancel(request: &Sip) -> Self {
        let mut draft = Self::new(format!("CANCEL {} SIP/2.0", request.uri()))
            .with("Via", *request.list("via").first().unwrap_or(&""))
            .with("Max-Forwards", "70");
        for name in ["From", "To", "Call-ID"] {
            draft = draft.with(name, request.header(&name.to_ascii_lowercase()).unwrap_or_default());
        }
        for route in request.list("route") {
            draft = draft.with("Route", route);
        }
        draft.with("CSeq", format!("{} CANCEL", request.cseq().0))
    }

    /// What is written in a message, to be changed; its length is counted anew.
    #[must_use]
    pub fn of(sip: &Sip) -> Self {
        let start = match sip.start() {
            Start::Request { method, uri } => format!("{method} {uri} SIP/2.0"),
            Start::Response { code, reason } => format!("SIP/2.0 {code} {reason}"),
        };
        let fields = sip.fields().iter().filter(|(name, _)| name != "content-length").cloned().collect();
        Self { start, fields, body: sip.body().clone(), measured: true }
    }

    /// One more field at the end.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.push((name.to_owned(), value.into()));
        self
    }

    /// One more field before all others, as a proxy adds its Via.
    #[must_use]
    pub fn with_first(mut self, name: &str, value: impl Into<String>) -> Self {
        self.fields.insert(0, (name.to_owned(), value.into()));
        self
    }

    /// This field instead of all of its name, at the place of the first.
    #[must_use]
    pub fn set(mut self, name: &str, value: impl Into<String>) -> Self {
        let is = |(known, _): &(String, String)| known.eq_ignore_ascii_case(name);
        let at = self.fields.iter().position(is).unwrap_or(self.fields.len());
        self.fields.retain(|field| !is(field));
        self.fields.insert(at, (name.to_owned(), value.into()));
        self
    }

    /// These members, each in a field of its own, instead of all of this name, at the place of the first, or before all others where there was none.
    #[must_use]
    pub fn list<T: Into<String>>(mut self, name: &str, members: impl IntoIterator<Item = T>) -> Self {
        let is = |(known, _): &(String, String)| known.eq_ignore_ascii_case(name);
        let at = self.fields.iter().position(is).unwrap_or(0);
        self.fields.retain(|field| !is(field));
        let members: Vec<_> = members.into_iter().map(|member| (name.to_owned(), member.into())).collect();
        self.fields.splice(at..at, members);
        self
    }

    /// No field of this name; a message without Content-Length stays without.
    #[must_use]
    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.measured &= !name.eq_ignore_ascii_case("content-length");
        self
    }

    /// Another start line.
    #[must_use]
    pub fn start(mut self, start: impl Into<String>) -> Self {
        self.start = start.into();
        self
    }

    /// This body, of this type.
    #[must_use]
    pub fn body(mut self, content_type: &str, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self.set("Content-Type", content_type)
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(&self) -> Bytes {
        let mut text = format!("{}\r\n", self.start);
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let counted = self.fields.iter().any(|(name, _)| name.eq_ignore_ascii_case("content-length"));
        if self.measured && !counted {
            text.push_str(&format!("Content-Length: {}\r\n", self.body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend_from_slice(&self.body);
        bytes.into()
    }

    /// The message as a reader sees it.
    ///
    /// # Panics
    /// When it is not one.
    #[must_use]
    pub fn sip(&self) -> Sip {
        Sip::read(&self.bytes()).unwrap_or_else(|| panic!("no message: {self:?}"))
    }
}

/// A script's side of a dialog (RFC 3261 section 12): what it needs to write requests inside of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Side {
    /// From, with our tag.
    pub local: String,
    /// To, with the other's tag.
    pub remote: String,
    /// Call-ID.
    pub call_id: String,
    /// The number of the last request that we sent; 0 for none.
    pub number: u32,
    /// The other's Contact.
    pub target: String,
    /// The route set.
    pub routes: Vec<String>,
    /// Our address.
    pub own: SocketAddr,
}

impl Side {
    /// Of the one who answers `request` with a tag of its own.
    #[must_use]
    pub fn callee(request: &Sip, tag: &str, own: SocketAddr) -> Self {
        let to = request.header("to").unwrap_or_default();
        Self {
            local: if request.to_tag().is_empty() { format!("{to};tag={tag}") } else { to.to_owned() },
            remote: request.header("from").unwrap_or_default().to_owned(),
            call_id: request.call_id().to_owned(),
            number: 0,
            target: request.contact().to_owned(),
            routes: request.list("record-route").into_iter().map(str::to_owned).collect(),
            own,
        }
    }

    /// Of the one who sent `request` and got `response`.
    #[must_use]
    pub fn caller(request: &Sip, response: &Sip, own: SocketAddr) -> Self {
        Self {
            local: request.header("from").unwrap_or_default().to_owned(),
            remote: response.header("to").unwrap_or_default().to_owned(),
            call_id: request.call_id().to_owned(),
            number: request.cseq().0,
            target: if response.contact().is_empty() { request.uri() } else { response.contact() }.to_owned(),
            routes: response.list("record-route").into_iter().rev().map(str::to_owned).collect(),
            own,
        }
    }

    /// The next request. Its branch is made of `name`, which so should be used once.
    #[must_use]
    pub fn request(&mut self, method: &str, name: &str) -> Draft {
        self.number += 1;
        let own = self.own;
        let mut draft = Draft::new(format!("{method} {} SIP/2.0", self.target))
            .with("Via", format!("SIP/2.0/UDP {own};branch=z9hG4bK-{name};rport"))
            .with("Max-Forwards", "70");
        for route in &self.routes {
            draft = draft.with("Route", route);
        }
        draft
            .with("From", &self.local)
            .with("To", &self.remote)
            .with("Call-ID", &self.call_id)
            .with("CSeq", format!("{} {method}", self.number))
            .with("Contact", format!("<sip:script@{own}>"))
    }

    /// Where its requests go: the first route, or the target.
    #[must_use]
    pub fn next_hop(&self) -> Option<SocketAddr> {
        address_of(self.routes.first().map_or(self.target.as_str(), |route| uri_of(route)))
    }
}

/// A session description with one audio line: PCMU, PCMA and telephone events, in both directions.
#[must_use]
pub fn audio(own: SocketAddr, port: u16) -> String {
    let family = if own.is_ipv4() { "IP4" } else { "IP6" };
    let ip = own.ip();
    format!(
        "v=0\r\no=- 1 1 IN {family} {ip}\r\ns=-\r\nc=IN {family} {ip}\r\nt=0 0\r\nm=audio {port} RTP/AVP 0 8 101\r\n\
         a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"
    )
}

fn reason(code: u16) -> &'static str {
    match code {
        100 => "Trying",
        180 => "Ringing",
        183 => "Session Progress",
        200 => "OK",
        202 => "Accepted",
        302 => "Moved Temporarily",
        401 => "Unauthorized",
        404 => "Not Found",
        407 => "Proxy Authentication Required",
        408 => "Request Timeout",
        423 => "Interval Too Brief",
        481 => "Call/Transaction Does Not Exist",
        486 => "Busy Here",
        487 => "Request Terminated",
        491 => "Request Pending",
        503 => "Service Unavailable",
        _ => "Whatever",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own() -> SocketAddr {
        "10.1.0.1:5060".parse().unwrap()
    }

    #[test]
    fn what_is_written_is_read() {
        let invite =
            Draft::request("INVITE", "sip:bob@10.0.0.1", own(), "one").body("application/sdp", audio(own(), 4000));
        let sip = invite.sip();
        assert_eq!((sip.request(), sip.cseq(), sip.faults()), ("INVITE", (1, "INVITE"), None));
        assert_eq!((sip.branch(), sip.contact()), ("z9hG4bK-one", "sip:script@10.1.0.1:5060"));
        let ringing = Draft::response(&sip, 180, "b").with("Contact", "<sip:bob@10.0.0.1:5070>").sip();
        assert_eq!((ringing.to_tag(), ringing.branch(), ringing.faults()), ("b", "z9hG4bK-one", None));
        let busy = Draft::response(&sip, 486, "b").sip();
        let ack = Draft::ack(&sip, &busy).sip();
        assert_eq!((ack.branch(), ack.to_tag(), ack.uri()), ("z9hG4bK-one", "b", "sip:bob@10.0.0.1"));
        let ok = Draft::response(&sip, 200, "b").with("Contact", "<sip:bob@10.0.0.1:5070>").sip();
        let ack = Draft::ack(&sip, &ok).sip();
        assert_eq!((ack.branch(), ack.uri()), ("z9hG4bK-one-ack-b", "sip:bob@10.0.0.1:5070"));
        let cancel = Draft::cancel(&sip).sip();
        assert_eq!((cancel.branch(), cancel.cseq(), cancel.faults()), ("z9hG4bK-one", (1, "CANCEL"), None));
        let changed =
            Draft::of(&sip).set("CSeq", "7 INVITE").without("Contact").with_first("Via", "SIP/2.0/UDP p").sip();
        assert_eq!((changed.cseq().0, changed.contact(), changed.list("via").len()), (7, "", 2));
        assert_eq!(invite.without("Content-Length").sip().header("content-length"), None);
    }

    #[test]
    fn both_sides_of_a_dialog_write_requests() {
        let routes = "<sip:10.2.0.1;lr>, <sip:10.2.0.2;lr>";
        let invite = Draft::request("INVITE", "sip:bob@10.0.0.1", own(), "two").with("Record-Route", routes).sip();
        let ok = Draft::response(&invite, 200, "b").with("Contact", "<sip:bob@10.0.0.1:5070>").sip();
        let mut caller = Side::caller(&invite, &ok, own());
        assert_eq!(caller.next_hop(), Some("10.2.0.2:5060".parse().unwrap()));
        let bye = caller.request("BYE", "three").sip();
        assert_eq!(
            (bye.uri(), bye.cseq().0, bye.from_tag(), bye.to_tag()),
            ("sip:bob@10.0.0.1:5070", 2, "from-two", "b")
        );
        assert_eq!(bye.list("route"), ["<sip:10.2.0.2;lr>", "<sip:10.2.0.1;lr>"]);
        let bye = Side::callee(&invite, "b", own()).request("BYE", "four").sip();
        assert_eq!(
            (bye.uri(), bye.cseq().0, bye.from_tag(), bye.to_tag()),
            ("sip:script@10.1.0.1:5060", 1, "b", "from-two")
        );
        assert_eq!(bye.list("route"), ["<sip:10.2.0.1;lr>", "<sip:10.2.0.2;lr>"]);
    }
}
