//! ICT: the INVITE client transaction (RFC 3261 section 17.1.1, RFC 6026), and the ACKs of the core above it.
//!
//! - ICT-1, ICT-2: when an INVITE is sent again (17.1.1.2).
//! - ICT-3: never after a response (17.1.1.2).
//! - ICT-5, ICT-6, ICT-8: the ACK of a refusal (17.1.1.2, 17.1.1.3).
//! - ICT-7, ICT-9, DLG-7: the ACK of a 2xx (13.2.2.4, RFC 6026 section 7.2).

use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{Client, ClientKey, Step};
use crate::wire::Sight;

use super::{LARGE, Memory, Owed, Property, Seen, Violations};

/// Which 2xx: of which INVITE of which call, and from which fork.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Success {
    host: usize,
    call_id: String,
    cseq: u32,
    fork: String,
}

impl Success {
    fn of(sight: &Sight<'_>) -> Self {
        Self {
            host: sight.host,
            call_id: sight.sip.call_id().to_owned(),
            cseq: sight.sip.cseq().0,
            fork: sight.sip.to_tag().to_owned(),
        }
    }
}

/// Watches INVITEs and ACKs that hosts send.
#[derive(Debug, Default)]
pub struct InviteClient {
    again: Owed<ClientKey>,
    refusals: Owed<ClientKey>,
    successes: Owed<Success>,
    acks: Memory<Success, Option<(SocketAddr, SocketAddr, Bytes)>>,
}

impl Property for InviteClient {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        match seen.step {
            Step::RequestSent { key, first } if key.method == "INVITE" => self.sent(seen, key, *first, broken),
            Step::ResponseGot { key: Some(key), fresh } if key.method == "INVITE" => self.answered(seen, key, *fresh),
            Step::AckSent { refused: Some(key) } => {
                self.refusals.settle(key);
                if let Some(client) = seen.model.client(key) {
                    ack_of_refusal(seen, client, broken);
                }
            }
            Step::AckSent { refused: None } => self.ack_of_success(seen, broken),
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, key)) = self.again.missed(now) {
            broken.add("ICT-1", key.host, by, format!("the INVITE of branch {} is not sent again", key.branch));
        }
        while let Some((by, key)) = self.refusals.missed(now) {
            broken.add("ICT-5", key.host, by, format!("the refusal of branch {} is not acknowledged", key.branch));
        }
        while let Some((by, success)) = self.successes.missed(now) {
            broken.add("ICT-9", success.host, by, format!("a 2xx is not acknowledged: {success:?}"));
        }
    }
}

impl InviteClient {
    fn sent(&mut self, seen: &Seen<'_>, key: &ClientKey, first: bool, broken: &mut Violations) {
        let Some(client) = seen.model.client(key) else { return };
        let (sight, timers) = (seen.sight, seen.model.timers(seen.sight.host));
        let count = u32::try_from(client.sent.len()).unwrap_or(u32::MAX);
        if sight.transport != Transport::Udp {
            broken.unless(first, "ICT-2", seen, "an INVITE is sent twice over a stream");
            return;
        }
        // Sent at 0, T1, 3·T1, 7·T1 …
        let due = |count: u32| client.begun() + timers.t1.saturating_mul((1_u32 << count.min(30)) - 1);
        if !first {
            broken.unless(sight.at == due(count - 1), "ICT-1", seen, format!("it was due at {}", due(count - 1)));
            broken.unless(sight.at < client.begun() + timers.timeout(), "ICT-1", seen, "it is sent after timer B");
            let silent = client.provisional.is_none() && client.answer.is_none();
            broken.unless(silent, "ICT-3", seen, "it is sent again after a response");
            broken.unless(sight.sip == &client.request, "ICT-1", seen, "it is not the same as before");
        }
        self.again.settle(key);
        if due(count) < client.begun() + timers.timeout() {
            self.again.owe(key.clone(), due(count));
        }
    }

    fn answered(&mut self, seen: &Seen<'_>, key: &ClientKey, fresh: bool) {
        self.again.settle(key);
        let Some(client) = seen.model.client(key) else { return };
        let (sight, timers) = (seen.sight, seen.model.timers(seen.sight.host));
        let live = fresh || client.invite_until(&timers).is_none_or(|until| sight.at < until);
        // What comes on another connection than the INVITE took is for a transaction that may have died with it.
        let same_way = sight.transport == Transport::Udp || (sight.from == client.to && sight.to == client.from);
        let refused = client.answer.as_ref().is_some_and(|answer| answer.sip.code() >= 300);
        if !live || !same_way || client.uncertain {
            return;
        }
        if sight.sip.code() >= 300 && refused {
            self.refusals.owe(key.clone(), sight.at);
        }
        if (200..300).contains(&sight.sip.code()) && !refused {
            let success = Success::of(sight);
            self.acks.entry(sight.at, success.clone(), || None);
            // Where the ACK has to look for its way first, or has an answer to carry, it may take its time.
            let small = client.request.data().len() <= LARGE;
            let at_once = is_plain_udp(sight) && small && client.request.description().is_some();
            if at_once {
                self.successes.owe(success, sight.at);
            }
        }
    }

    fn ack_of_success(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let success = Success::of(seen.sight);
        self.successes.settle(&success);
        // Over a connection that was opened since, it is sent anew.
        let way = (seen.sight.from, seen.sight.to, seen.sight.sip.data().clone());
        match self.acks.get_mut(seen.sight.at, &success) {
            None => broken.seen("ICT-7", seen, "an ACK for a 2xx that never came"),
            Some(Some((from, to, before))) if (*from, *to) == (way.0, way.1) => {
                broken.unless(*before == way.2, "DLG-7", seen, "it is not the same ACK as before");
            }
            Some(Some(_) | None) => *self.acks.entry(seen.sight.at, success, || None) = Some(way),
        }
    }
}

/// Whether the ACK of this 2xx leaves as a datagram to an address that stands in it.
fn is_plain_udp(sight: &Sight<'_>) -> bool {
    let contact = sight.sip.contact();
    sight.transport == Transport::Udp
        && sight.sip.count("contact") == 1
        && !contact.contains("transport=")
        && crate::sip::address_of(contact).is_some()
        && sight.sip.header("record-route").is_none()
}

/// The ACK of a refusal: see RFC 3261 section 17.1.1.3.
fn ack_of_refusal(seen: &Seen<'_>, client: &Client, broken: &mut Violations) {
    let (ack, invite) = (seen.sight.sip, &client.request);
    let Some(answer) = &client.answer else {
        broken.seen("ICT-7", seen, "an ACK before the final response");
        return;
    };
    broken.unless(answer.sip.code() >= 300, "ICT-7", seen, "the ACK of a 2xx has the branch of the INVITE");
    let mut same = |holds: bool, what: &str| broken.unless(holds, "ICT-6", seen, format!("{what} differs"));
    same(ack.uri() == invite.uri(), "the Request-URI");
    for name in ["call-id", "from"] {
        same(ack.header(name) == invite.header(name), name);
    }
    same(ack.header("to") == answer.sip.header("to"), "To");
    same(ack.cseq() == (invite.cseq().0, "ACK"), "CSeq");
    same(ack.list("via").as_slice() == invite.list("via").get(..1).unwrap_or_default(), "Via");
    same(ack.list("route") == invite.list("route"), "Route");
    same(ack.body().is_empty(), "the body");
    let way = (seen.sight.from, seen.sight.to, seen.sight.transport);
    same(way == (client.from, client.to, client.transport), "the way");
}
