//! REG: registrations (RFC 3261 section 10, RFC 7616).
//!
//! - REG-1: one Call-ID, numbers that go up, one at a time to one place, no user in the Request-URI (10.2).
//! - REG-2: the refresh comes before the binding is forgotten (10.2.4).
//! - REG-4: `*` only to remove all (10.2.2).
//! - REG-5: a nonce is counted, and no count is used twice (RFC 7616 section 3.4).
//! - REG-11: between two attempts lies a second.

use std::net::SocketAddr;
use std::time::Duration;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::id::AccountId;
use sipsimple_core::registration::RegistrationEvent;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::digest::Given;
use crate::model::{ClientKey, Step};
use crate::sip::{param, uri_of};

use super::{Memory, Owed, Property, Seen, Violations};

/// Between two attempts lies at least this.
const APART: Duration = Duration::from_secs(1);

/// A registration: the host, and the tag of its From.
type Name = (usize, String);

/// What a host has sent.
#[derive(Clone, Debug)]
struct Sent {
    call_id: String,
    number: u32,
    last: ClientKey,
    to: SocketAddr,
}

/// Watches registrations.
#[derive(Debug, Default)]
pub struct Registrations {
    sent: Memory<Name, Sent>,
    refreshes: Owed<Name>,
    counts: Memory<(usize, String), u32>,
    began: Memory<(usize, AccountId), Instant>,
}

impl Property for Registrations {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        match seen.step {
            Step::RequestSent { key, first: true } => {
                self.counted(seen, broken);
                if key.method == "REGISTER" {
                    self.registers(seen, key, broken);
                }
            }
            Step::ResponseGot { key: Some(key), fresh: true } if key.method == "REGISTER" => self.heard(seen, key),
            _ => {}
        }
    }

    fn told(&mut self, host: usize, at: Instant, event: &Event, broken: &mut Violations) {
        let EventKind::Registration { account, event } = &event.kind else { return };
        if matches!(event, RegistrationEvent::WillRegister | RegistrationEvent::WillRefresh) {
            let last = self.began.get(&(host, *account)).copied();
            if let Some(last) = last.filter(|last| at < *last + APART) {
                broken.add("REG-11", host, at, format!("the last attempt began at {last}"));
            }
            self.began.put(at, (host, *account), at);
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, (host, tag))) = self.refreshes.missed(now) {
            broken.add("REG-2", host, by, format!("the registration of tag {tag} is not refreshed in time"));
        }
    }
}

impl Registrations {
    fn registers(&mut self, seen: &Seen<'_>, key: &ClientKey, broken: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        broken.unless(!sip.uri().contains('@'), "REG-1", seen, "the Request-URI has a user");
        broken.unless(sip.to_tag().is_empty(), "REG-1", seen, "To has a tag");
        let contacts = sip.list("contact");
        if contacts.iter().any(|contact| contact.starts_with('*')) {
            let all = contacts.len() == 1 && sip.header("expires") == Some("0");
            broken.unless(all, "REG-4", seen, "'*' removes everything, and that alone");
        }
        let name = (sight.host, sip.from_tag().to_owned());
        self.refreshes.settle(&name);
        let number = sip.cseq().0;
        if let Some(before) = self.sent.get(&name) {
            broken.unless(before.call_id == sip.call_id(), "REG-1", seen, "the Call-ID has changed");
            let last = seen.model.client(&before.last);
            let answer = last.and_then(|client| client.answer.as_ref());
            let code = answer.map_or(0, |answer| answer.sip.code());
            let next = number == before.number + 1;
            // The same request goes to another place when one has failed.
            let again = number == before.number && matches!(code, 0 | 408 | 503);
            broken.unless(next || again, "REG-1", seen, format!("the last CSeq was {}", before.number));
            let timers = seen.model.timers(sight.host);
            let open = last.is_some_and(|client| {
                answer.is_none()
                    && client.transport == Transport::Udp
                    && client.awaited_until(&timers).is_some_and(|until| until > sight.at)
            });
            // One that does not answer for long is given up before its time, and then nothing is sent to it for a while.
            let patient = last.is_none_or(|client| sight.at >= client.begun() + APART);
            broken.unless(!open || before.to != sight.to || patient, "REG-1", seen, "the last one is not answered");
        }
        let (call_id, last) = (sip.call_id().to_owned(), key.clone());
        self.sent.put(sight.at, name, Sent { call_id, number, last, to: sight.to });
    }

    fn heard(&mut self, seen: &Seen<'_>, key: &ClientKey) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let Some(client) = seen.model.client(key) else { return };
        let name = (sight.host, sip.from_tag().to_owned());
        let is_last = self.sent.get(&name).is_some_and(|sent| sent.last == *key);
        // The Contact that is registered comes last; those that are removed say so themselves.
        let own = client.request.list("contact").last().map(|own| uri_of(own).to_owned()).unwrap_or_default();
        let removes = client.request.header("expires") == Some("0");
        if !(200..300).contains(&sip.code()) || !is_last || removes || client.transport != Transport::Udp {
            return;
        }
        let found = sip.list("contact").into_iter().find(|contact| uri_of(contact) == own);
        let own = found.and_then(|contact| param(contact, "expires").flatten()?.parse::<u64>().ok());
        let expires = own.or_else(|| sip.header("expires")?.trim().parse().ok()).filter(|expires| *expires > 0);
        if let Some(expires) = expires.filter(|_| found.is_some()) {
            // Half a second is little, but no attempt may follow another sooner.
            self.refreshes.owe(name, sight.at + Duration::from_secs(expires).max(APART * 2));
        }
    }

    /// Every request that proves who sent it.
    fn counted(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        for field in ["authorization", "proxy-authorization"] {
            let Some(given) = Given::of(seen.sight.sip, field) else { continue };
            // The ACK of a request has its credentials; so has a CANCEL.
            if matches!(seen.sight.sip.request(), "ACK" | "CANCEL") {
                continue;
            }
            let name = (seen.sight.host, given.nonce.clone());
            let last = self.counts.get(&name).copied().unwrap_or(0);
            broken.unless(given.count > last, "REG-5", seen, format!("the nonce was counted to {last}"));
            self.counts.put(seen.sight.at, name, given.count);
        }
    }
}
