//! MAT, VIA, UAS-3, TRN: what ties requests and responses together (RFC 3261 sections 8, 17.1.3, 18; RFC 3581).
//!
//! - GEN-4: every message is well-formed.
//! - MAT-5: branches (8.1.1.7).
//! - VIA-1, VIA-2: the Via of a response, and the way it takes (18.2.1, 18.2.2, RFC 3581 section 4).
//! - UAS-3: what a response copies from its request (8.2.6.2).
//! - TRN-1: the Via names the transport that is taken (18.1.1).

use bytes::Bytes;

use sipsimple_core::transport::Transport;

use crate::model::{Server, ServerKey, Step};
use crate::sip::Via;

use super::{Memory, Property, Seen, Violations};

/// Watches branches, Vias and tags.
#[derive(Debug, Default)]
pub struct Matching {
    /// The request that a host used a branch for.
    branches: Memory<(usize, String), (String, Bytes)>,
    /// The To tag of the responses to a request.
    tags: Memory<ServerKey, String>,
}

impl Property for Matching {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        match seen.step {
            Step::RequestSent { .. } | Step::AckSent { .. } => {
                self.request(seen, broken);
                form(seen, broken);
            }
            Step::ResponseSent { key } => {
                form(seen, broken);
                let Some(key) = key else {
                    broken.seen("MAT-1", seen, "a response to no request");
                    return;
                };
                if let Some(server) = seen.model.server(key) {
                    self.response(seen, key, server, broken);
                }
            }
            Step::RequestGot { key, first: true } => {
                // A transaction of the same name may have been there before.
                if let Some(tag) = self.tags.get_mut(seen.sight.at, key) {
                    tag.clear();
                }
            }
            _ => {}
        }
    }
}

fn form(seen: &Seen<'_>, broken: &mut Violations) {
    if let Some(fault) = seen.sight.sip.faults() {
        broken.seen("GEN-4", seen, fault);
    }
}

impl Matching {
    fn request(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let branch = sip.branch();
        broken.unless(branch.len() >= 7 + 13, "MAT-5", seen, "the branch is too short to be unique");
        let new = || (sip.request().to_owned(), sip.data().clone());
        let (method, data) = self.branches.entry(sight.at, (sight.host, branch.to_owned()), new);
        let same = match (method.as_str(), sip.request()) {
            ("INVITE", "CANCEL") => true,
            ("INVITE", "ACK") => matches!(seen.step, Step::AckSent { refused: Some(_) }),
            (before, now) => before == now && data == sip.data(),
        };
        broken.unless(same, "MAT-5", seen, format!("the branch was used for a {method}"));
        let Some(via) = sip.via() else { return };
        let named = via.transport.eq_ignore_ascii_case(sight.transport.as_str());
        broken.unless(named, "TRN-1", seen, "the Via names another transport");
        if sight.transport == Transport::Udp {
            broken.unless(via.address() == Some(sight.from), "TRN-1", seen, "the Via names another address");
        }
    }

    fn response(&mut self, seen: &Seen<'_>, key: &ServerKey, server: &Server, broken: &mut Violations) {
        let (sip, request) = (seen.sight.sip, &server.request);
        for name in ["from", "call-id", "cseq"] {
            broken.unless(sip.header(name) == request.header(name), "UAS-3", seen, format!("{name} differs"));
        }
        if !request.to_tag().is_empty() {
            broken.unless(sip.header("to") == request.header("to"), "UAS-3", seen, "To differs");
        } else if sip.code() > 100 {
            let tag = self.tags.entry(seen.sight.at, key.clone(), String::new);
            if tag.is_empty() {
                sip.to_tag().clone_into(tag);
            }
            broken.unless(!tag.is_empty() && tag == sip.to_tag(), "UAS-3", seen, format!("the To tag was {tag}"));
        }
        let (vias, asked) = (sip.list("via"), request.list("via"));
        let below = vias.get(1..) == asked.get(1..) && vias.len() == asked.len();
        broken.unless(below, "UAS-3", seen, "the Vias below the top differ");
        let (Some(top), Some(old)) = (sip.via(), request.via()) else { return };
        let stamped =
            (top.transport, top.sent_by, top.param("branch")) == (old.transport, old.sent_by, old.param("branch"));
        broken.unless(stamped, "UAS-3", seen, "the top Via differs");
        via(seen, server, &top, &old, broken);
    }
}

fn via(seen: &Seen<'_>, server: &Server, top: &Via<'_>, old: &Via<'_>, broken: &mut Violations) {
    let source = server.from;
    let wants_port = old.param("rport").is_some();
    let named = old.address().map(|address| address.ip()) == Some(source.ip());
    let received = top.param("received").flatten().map(str::to_owned);
    if named && !wants_port && old.param("received").is_none() {
        broken.unless(received.is_none(), "VIA-1", seen, "received is not needed");
    } else {
        broken.unless(received == Some(source.ip().to_string()), "VIA-1", seen, "received is not the source");
    }
    let port = top.param("rport").flatten().map(str::to_owned);
    let wanted = wants_port.then(|| source.port().to_string());
    broken.unless(port == wanted, "VIA-1", seen, format!("rport is {port:?}"));
    let sight = seen.sight;
    if server.transport == Transport::Udp {
        let mut due = source;
        if !wants_port {
            due.set_port(old.port());
        }
        let here = sight.transport == Transport::Udp && sight.from == server.to;
        broken.unless(here, "VIA-1", seen, "it leaves from elsewhere");
        if old.param("maddr").is_none() {
            broken.unless(sight.to == due, "VIA-2", seen, format!("it was due to {due}"));
        }
    } else if (sight.from, sight.to) != (server.to, server.from) {
        // Not on the connection of the request: then to the sent-by at the address it came from.
        let due = std::net::SocketAddr::new(source.ip(), old.port());
        broken.unless(sight.to == due, "VIA-2", seen, format!("it was due on its connection or to {due}"));
    }
}
