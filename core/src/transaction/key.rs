//! What a transaction is found by (RFC 3261 sections 17.1.3, 17.2.3 and 9.2).
//!
//! A key is one string of bytes, fields with their lengths before them, the method last: so one map serves both sides, looking up allocates
//! nothing, and the transactions that a CANCEL can mean stand side by side. Each field is compared byte by byte, as a peer that repeats a
//! message repeats it; only the host of sent-by is compared in any case, and its port with the default filled in.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::sip::{Essentials, HeaderName, Host, Method, Request, Via};

/// What the branches of RFC 3261 start with (section 8.1.1.7).
const COOKIE: &[u8] = b"z9hG4bK";

/// The key of a transaction, as it is kept.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Key(Arc<[u8]>);

impl Key {
    pub(super) fn new(bytes: &[u8]) -> Self {
        Self(Arc::from(bytes))
    }

    pub(super) fn starts_with(&self, start: &[u8]) -> bool {
        self.0.starts_with(start)
    }
}

impl Borrow<[u8]> for Key {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0.escape_ascii())
    }
}

/// Which rules a key follows: its first byte.
#[derive(Clone, Copy)]
#[repr(u8)]
enum Rules {
    /// Responses: section 17.1.3.
    Client = b'c',
    /// Requests with the cookie: section 17.2.3.
    Server = b's',
    /// Requests without: section 17.2.3, as in RFC 2543.
    Legacy = b'o',
    /// ACKs without: as requests, but with the To tag of the response that was sent.
    LegacyAck = b'a',
}

/// A key that is being looked up, in a buffer that is used again and again.
#[derive(Debug, Default)]
pub(super) struct Lookup {
    bytes: Vec<u8>,
    /// Where the method begins.
    method: usize,
}

impl Lookup {
    /// The key as it stands.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// What the keys of all transactions begin with that differ from this one in the method alone.
    pub(super) fn without_method(&self) -> &[u8] {
        self.bytes.get(..self.method).unwrap_or_default()
    }

    /// Puts this method in the place of the one that the key has.
    pub(super) fn set_method(&mut self, method: &Method) {
        self.bytes.truncate(self.method);
        self.bytes.extend_from_slice(method.as_str().as_bytes());
    }

    /// The key of the client transaction of a request of ours. False when its top Via has no branch that tells it from others.
    #[must_use]
    pub(super) fn client(&mut self, via: &Via, method: &Method) -> bool {
        let Some(branch) = via.branch().map(str::as_bytes).filter(|branch| is_unique(branch)) else { return false };
        self.begin(Rules::Client);
        self.field(branch);
        self.finish(method);
        true
    }

    /// The key of the client transaction that a response is for: branch of the top Via, method of CSeq. False when it can be for none: more than
    /// one Via (section 8.1.3.3), or no branch of ours.
    #[must_use]
    pub(super) fn response(&mut self, essentials: &Essentials) -> bool {
        essentials.via_count == 1 && self.client(&essentials.via, &essentials.cseq.method)
    }

    /// The key of the server transaction that a request belongs to.
    pub(super) fn request(&mut self, request: &Request, essentials: &Essentials) {
        let ack = *request.method() == Method::Ack;
        match essentials.via.branch().map(str::as_bytes).filter(|branch| is_unique(branch)) {
            Some(branch) => {
                self.begin(Rules::Server);
                self.field(branch);
                self.sent_by(&essentials.via);
                self.finish(if ack { &Method::Invite } else { request.method() });
            }
            None => {
                self.begin(if ack { Rules::LegacyAck } else { Rules::Legacy });
                self.legacy(request, essentials);
                self.field(essentials.to.tag().unwrap_or_default().as_bytes());
                self.finish(request.method());
            }
        }
    }

    /// The key of the ACK for a response with this To tag to the INVITE with this key. False when that is the key of the INVITE itself: with the cookie.
    #[must_use]
    pub(super) fn legacy_ack(&mut self, invite: &Key, to_tag: &str) -> bool {
        let Some((&rules, mut rest)) = invite.0.split_first() else { return false };
        if rules != Rules::Legacy as u8 {
            return false;
        }
        self.begin(Rules::LegacyAck);
        for _ in 0..LEGACY_FIELDS {
            let Some((field, after)) = split_field(rest) else { return false };
            self.field(field);
            rest = after;
        }
        self.field(to_tag.as_bytes());
        self.finish(&Method::Ack);
        true
    }

    fn begin(&mut self, rules: Rules) {
        self.bytes.clear();
        self.bytes.push(rules as u8);
    }

    fn field(&mut self, field: &[u8]) {
        let len = u32::try_from(field.len()).unwrap_or(u32::MAX);
        self.bytes.extend_from_slice(&len.to_be_bytes());
        self.bytes.extend_from_slice(field);
    }

    fn sent_by(&mut self, via: &Via) {
        match &via.host {
            Host::V4(ip) => self.field(&ip.octets()),
            Host::V6(ip) => self.field(&ip.octets()),
            Host::Name(name) => {
                let start = self.bytes.len() + size_of::<u32>();
                self.field(name.as_bytes());
                if let Some(field) = self.bytes.get_mut(start..) {
                    field.make_ascii_lowercase();
                }
            }
        }
        let default = if via.transport.eq_ignore_ascii_case("TLS") { 5061 } else { 5060 };
        self.field(&via.port.unwrap_or(default).to_be_bytes());
    }

    /// The [`LEGACY_FIELDS`] that an INVITE and its ACK have in common.
    fn legacy(&mut self, request: &Request, essentials: &Essentials) {
        match request.values(HeaderName::Via).next() {
            Some(Ok(via)) => self.field(via.as_bytes()),
            Some(Err(_)) | None => self.field(&[]),
        }
        self.field(essentials.call_id.as_bytes());
        self.field(essentials.from.tag().unwrap_or_default().as_bytes());
        self.field(&essentials.cseq.number.to_be_bytes());
        self.field(request.uri_text().as_bytes());
    }

    fn finish(&mut self, method: &Method) {
        self.method = self.bytes.len();
        self.bytes.extend_from_slice(method.as_str().as_bytes());
    }
}

/// Via, Call-ID, From tag, CSeq number, Request-URI.
const LEGACY_FIELDS: usize = 5;

/// Whether a branch tells transactions apart: it begins with the cookie, and more follows.
fn is_unique(branch: &[u8]) -> bool {
    branch.len() > COOKIE.len() && branch.get(..COOKIE.len()).is_some_and(|start| start.eq_ignore_ascii_case(COOKIE))
}

/// Takes the first field off `bytes`.
fn split_field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (len, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(usize::try_from(u32::from_be_bytes(*len)).ok()?)
}
