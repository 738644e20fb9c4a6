//! CAN: CANCEL (RFC 3261 section 9).
//!
//! - CAN-1: only between the first provisional and the final response (9.1).
//! - CAN-2: what it copies (9.1).
//! - CAN-3: how it is answered (9.2).
//! - CAN-5: a 2xx that crosses it is acknowledged and ended (RFC 5407 section 3.1.2).

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{ClientKey, ServerKey, Step};
use crate::sip::Sip;

use super::{LARGE, Memory, Owed, Property, Seen, Violations};

/// Watches CANCELs.
#[derive(Debug, Default)]
pub struct Cancel {
    /// What is due to each CANCEL that came, and the To tag of what the INVITE was answered with.
    due: Memory<ServerKey, (u16, Option<String>)>,
    answers: Owed<ServerKey>,
    refusals: Owed<ServerKey>,
    byes: Owed<(usize, String)>,
    /// The calls that hosts have ended by BYE, or had ended so.
    ended: Memory<(usize, String), ()>,
}

impl Property for Cancel {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let sight = seen.sight;
        match seen.step {
            Step::RequestSent { key, first } if key.method == "CANCEL" => sent(seen, key, *first, broken),
            Step::RequestGot { key, first: true } if key.method == "CANCEL" => self.got(seen, key),
            Step::ResponseSent { key: Some(key) } if key.method == "CANCEL" => {
                self.answers.settle(key);
                if let Some((code, tag)) = self.due.get(key) {
                    broken.unless(sight.sip.code() == *code, "CAN-3", seen, format!("{code} was due"));
                    let same = tag.as_ref().is_none_or(|tag| tag == sight.sip.to_tag());
                    broken.unless(same, "CAN-3", seen, format!("the To tag of the INVITE's responses is {tag:?}"));
                }
            }
            Step::ResponseSent { key: Some(key) }
                if key.method == "INVITE" && sight.sip.code() >= 200 && self.refusals.settle(key) =>
            {
                broken.unless(sight.sip.code() == 487, "CAN-3", seen, "487 was due");
            }
            Step::ResponseGot { key: Some(key), fresh: true } if key.method == "INVITE" => {
                let Some(client) = seen.model.client(key) else { return };
                let plain = sight.transport == Transport::Udp && !sight.sip.contact().contains("transport=");
                let success = (200..300).contains(&sight.sip.code());
                let small = client.request.data().len() <= LARGE;
                // A proposal that is accepted after all may be as welcome as not.
                let initial = client.request.to_tag().is_empty();
                if client.cancelled.is_some()
                    && initial
                    && success
                    && !client.uncertain
                    && plain
                    && small
                    && sight.sip.count("contact") == 1
                    && self.ended.get(&(sight.host, sight.sip.call_id().to_owned())).is_none()
                {
                    self.byes.owe((sight.host, sight.sip.call_id().to_owned()), sight.at);
                }
            }
            // Also the BYE of the other side ends it.
            Step::RequestGot { key, .. } if key.method == "BYE" => {
                self.ended.put(sight.at, (sight.host, sight.sip.call_id().to_owned()), ());
            }
            Step::RequestSent { key, .. } if key.method == "BYE" => {
                let call = (sight.host, sight.sip.call_id().to_owned());
                self.byes.settle(&call);
                self.ended.put(sight.at, call, ());
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, key)) = self.answers.missed(now) {
            broken.add("CAN-3", key.host, by, format!("the CANCEL of branch {} is not answered", key.branch));
        }
        while let Some((by, key)) = self.refusals.missed(now) {
            broken.add("CAN-3", key.host, by, format!("the INVITE of branch {} is cancelled, without 487", key.branch));
        }
        while let Some((by, (host, call))) = self.byes.missed(now) {
            broken.add("CAN-5", host, by, format!("{call}: a 2xx crossed the CANCEL, and no BYE followed"));
        }
    }
}

impl Cancel {
    fn got(&mut self, seen: &Seen<'_>, key: &ServerKey) {
        let at = seen.sight.at;
        let timers = seen.model.timers(seen.sight.host);
        let invite = ServerKey { method: "INVITE".to_owned(), ..key.clone() };
        let live = seen.model.server(&invite).filter(|server| server.until(&timers).is_none_or(|until| at < until));
        let code = if live.is_some() { 200 } else { 481 };
        // What is left of an answered INVITE need not remember its tag.
        let waiting = live.filter(|server| server.answer.is_none()).and_then(|server| server.provisional.as_ref());
        let tag = waiting.and_then(Sip::read).filter(|sip| sip.code() > 100).map(|sip| sip.to_tag().to_owned());
        self.due.put(at, key.clone(), (code, tag));
        if seen.sight.transport == Transport::Udp {
            self.answers.owe(key.clone(), at);
            if live.is_some_and(|server| server.answer.is_none()) {
                self.refusals.owe(invite, at);
            }
        }
    }
}

fn sent(seen: &Seen<'_>, key: &ClientKey, first: bool, broken: &mut Violations) {
    let cancel = seen.sight.sip;
    let Some(client) = seen.model.client(&ClientKey { method: "INVITE".to_owned(), ..key.clone() }) else {
        broken.seen("CAN-2", seen, "there is no INVITE of this branch");
        return;
    };
    if !first {
        return;
    }
    broken.unless(client.provisional.is_some(), "CAN-1", seen, "no provisional response has come");
    broken.unless(client.answer.is_none(), "CAN-1", seen, "a final response has come");
    let invite = &client.request;
    let mut same = |holds: bool, what: &str| broken.unless(holds, "CAN-2", seen, format!("{what} differs"));
    same(cancel.uri() == invite.uri(), "the Request-URI");
    for name in ["call-id", "from", "to"] {
        same(cancel.header(name) == invite.header(name), name);
    }
    same(cancel.cseq() == (invite.cseq().0, "CANCEL"), "CSeq");
    same(cancel.list("via").as_slice() == invite.list("via").get(..1).unwrap_or_default(), "Via");
    same(cancel.list("route") == invite.list("route"), "Route");
    same(cancel.header("require").is_none() && cancel.header("proxy-require").is_none(), "Require");
    let way = (seen.sight.from, seen.sight.to, seen.sight.transport);
    same(way == (client.from, client.to, client.transport), "the way");
}
