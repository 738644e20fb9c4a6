//! IST: the INVITE server transaction (RFC 3261 section 17.2.1, RFC 6026), and the 2xx of the core above it (13.3.1.4).
//!
//! - IST-1: an INVITE is answered in 200 ms, by 100 if by nothing else (17.2.1).
//! - IST-2: a repeated INVITE brings the last response again (17.2.1).
//! - IST-3, IST-5: when a refusal is sent again (17.2.1).
//! - IST-6: a repeated INVITE brings no 2xx (RFC 6026 section 7.1).
//! - IST-7: when a 2xx is sent again, and the BYE when no ACK comes (13.3.1.4).

use std::time::Duration;

use sipsimple_core::time::Instant;
use sipsimple_core::transaction::Timers;
use sipsimple_core::transport::Transport;

use crate::model::{Final, Server, ServerKey, Step};

use super::{LARGE, Memory, Owed, Property, Seen, Violations};

/// How long the core above may take for its first response.
const PATIENCE: Duration = Duration::from_millis(200);

/// A call at a host.
type Call = (usize, String);

/// Watches INVITEs that hosts get, and what they answer.
#[derive(Debug, Default)]
pub struct InviteServer {
    first: Owed<ServerKey>,
    repeated: Owed<ServerKey>,
    again: Owed<ServerKey>,
    byes: Owed<Call>,
    /// The accepted INVITEs of a call whose 2xx are repeated: with the number of their CSeq.
    accepted: Memory<Call, Vec<(u32, ServerKey)>>,
}

impl Property for InviteServer {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let (sight, timers) = (seen.sight, seen.model.timers(seen.sight.host));
        let call = || (sight.host, sight.sip.call_id().to_owned());
        match seen.step {
            Step::RequestGot { key, first } if key.method == "INVITE" => {
                let Some(server) = seen.model.server(key) else { return };
                if sight.transport != Transport::Udp {
                    return;
                }
                if *first {
                    self.first.owe(key.clone(), sight.at + PATIENCE);
                } else if server.acknowledged.is_none() && is_repeated(server) {
                    self.repeated.owe(key.clone(), sight.at);
                }
            }
            Step::ResponseSent { key: Some(key) } if key.method == "INVITE" => {
                let Some(server) = seen.model.server(key) else { return };
                self.sent(seen, key, server, &timers, broken);
            }
            Step::AckGot { refused: Some(key) } => drop(self.again.settle(key)),
            Step::AckGot { refused: None } => self.acknowledged(&call(), Some(sight.sip.cseq().0), sight.at),
            // The end of the call: a 2xx is not repeated for a dialog that is over (RFC 5407 section 3.1.6).
            Step::RequestGot { key, .. } if key.method == "BYE" => self.acknowledged(&call(), None, sight.at),
            Step::RequestSent { key, .. } if key.method == "BYE" => drop(self.byes.settle(&call())),
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, key)) = self.first.missed(now) {
            broken.add("IST-1", key.host, by, format!("the INVITE of branch {} is not answered", key.branch));
        }
        while let Some((by, key)) = self.repeated.missed(now) {
            broken.add("IST-2", key.host, by, format!("the INVITE of branch {} came again, for nothing", key.branch));
        }
        while let Some((by, key)) = self.again.missed(now) {
            broken.add("IST-3", key.host, by, format!("the answer to branch {} is not sent again", key.branch));
        }
        while let Some((by, (host, call))) = self.byes.missed(now) {
            broken.add("IST-7", host, by, format!("{call}: no ACK came, and no BYE is sent"));
        }
    }
}

/// Whether a repeated INVITE brings the last response again.
fn is_repeated(server: &Server) -> bool {
    match &server.answer {
        Some(answer) => answer.code >= 300,
        None => server.provisional.is_some(),
    }
}

impl InviteServer {
    fn sent(&mut self, seen: &Seen<'_>, key: &ServerKey, server: &Server, timers: &Timers, broken: &mut Violations) {
        let sight = seen.sight;
        self.first.settle(key);
        broken.unless(!server.contradicted, "IST-3", seen, "a second final response differs from the first");
        // A peer may repeat itself on a stream too, although it should not.
        let asked = server.got.len() > 1 && server.got.last() == Some(&sight.at);
        let prompted = self.repeated.settle(key) || (asked && server.transport != Transport::Udp);
        let first_of_all = server.responded == Some(sight.at) && server.answer.is_none();
        if sight.sip.code() == 100 && first_of_all && server.transport == Transport::Udp && !prompted {
            let due = server.begun() + PATIENCE;
            broken.unless(sight.at == due, "IST-1", seen, format!("100 was due at {due}"));
        }
        if sight.sip.code() < 200 {
            return;
        }
        let Some(answer) = &server.answer else { return };
        let accepted = answer.code < 300;
        let reliable = server.transport != Transport::Udp;
        if let Some(again) = answer.again.last() {
            let scheduled = is_scheduled(answer, *again, timers) && (accepted || !reliable);
            let id = if accepted { "IST-7" } else { "IST-3" };
            // Where a connection had to be opened first, it came later than it was meant to.
            let late = reliable && !(answer.direct && (sight.from, sight.to) == (server.to, server.from));
            broken.unless(scheduled || prompted || late, id, seen, "it is sent again when it is not due");
            broken.unless(accepted || server.acknowledged.is_none(), "IST-5", seen, "it is sent after its ACK");
        } else if accepted {
            // The first 2xx.
            let (call, cseq) = ((sight.host, sight.sip.call_id().to_owned()), sight.sip.cseq().0);
            self.accepted.entry(sight.at, call.clone(), Vec::new).push((cseq, key.clone()));
            if !reliable && server.request.data().len() <= LARGE {
                self.byes.owe(call, sight.at + timers.timeout());
            }
        }
        // Over a stream that may be broken nothing is sure to be seen.
        let next = next_due(answer, timers);
        let waiting = !accepted || self.is_open(key, sight.sip.call_id());
        if !reliable && server.acknowledged.is_none() && waiting && next < answer.at + timers.timeout() {
            self.again.owe(key.clone(), next);
        } else {
            self.again.settle(key);
        }
    }

    fn is_open(&self, key: &ServerKey, call_id: &str) -> bool {
        let open = self.accepted.get(&(key.host, call_id.to_owned()));
        open.is_some_and(|open| open.iter().any(|(_, known)| known == key))
    }

    /// An ACK of a 2xx came, or what makes it needless.
    fn acknowledged(&mut self, call: &Call, cseq: Option<u32>, now: Instant) {
        let Some(open) = self.accepted.get_mut(now, call) else { return };
        let (again, byes) = (&mut self.again, &mut self.byes);
        open.retain(|(number, key)| {
            let done = cseq.is_none_or(|cseq| cseq == *number);
            if done {
                again.settle(key);
                byes.settle(call);
            }
            !done
        });
    }
}

/// T1, 2·T1 … T2 after the first time.
fn is_scheduled(answer: &Final, at: Instant, timers: &Timers) -> bool {
    let (mut due, mut interval) = (answer.at, timers.t1);
    while due < at {
        due += interval;
        interval = interval.saturating_mul(2).min(timers.cap());
    }
    due == at && at < answer.at + timers.timeout()
}

/// When it is due after the last time that was on schedule.
fn next_due(answer: &Final, timers: &Timers) -> Instant {
    let last = answer.again.last().copied().unwrap_or(answer.at);
    let (mut due, mut interval) = (answer.at, timers.t1);
    while due <= last {
        due += interval;
        interval = interval.saturating_mul(2).min(timers.cap());
    }
    due
}
