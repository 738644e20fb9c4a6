//! NST: the server transaction of every request but INVITE and ACK (RFC 3261 section 17.2.2, RFC 4320).
//!
//! - NST-2: a repeated request brings the same response again (17.2.2).
//! - NST-3: there is one final response (17.2.2).
//! - NCT-5: no 1xx but 100, no 100 before its time, no 408 (RFC 4320 section 4).

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{ServerKey, Step};

use super::{Owed, Property, Seen, Violations};

/// Watches requests that hosts get, and what they answer.
#[derive(Debug, Default)]
pub struct NonInviteServer {
    /// By when 64·T1 have gone, or the same response is due again.
    owed: Owed<ServerKey>,
}

impl Property for NonInviteServer {
    fn seen(&mut self, seen: &Seen<'_>, broken: &mut Violations) {
        let sight = seen.sight;
        let timers = seen.model.timers(sight.host);
        match seen.step {
            Step::RequestGot { key, first } if key.method != "INVITE" && sight.transport == Transport::Udp => {
                let Some(server) = seen.model.server(key) else { return };
                if *first {
                    // RFC 4320 section 4.1: a response of some kind by then.
                    self.owed.owe(key.clone(), sight.at + timers.slowed());
                } else if server.answer.is_some() || server.provisional.is_some() {
                    self.owed.owe(key.clone(), sight.at);
                }
            }
            Step::ResponseSent { key: Some(key) } if key.method != "INVITE" => {
                let Some(server) = seen.model.server(key) else { return };
                let asked = server.got.contains(&sight.at);
                self.owed.settle(key);
                broken.unless(!server.contradicted, "NST-3", seen, "a second final response differs from the first");
                let again = server.answer.as_ref().is_some_and(|answer| !answer.again.is_empty());
                broken.unless(!again || asked, "NST-2", seen, "it is sent again although nobody asked");
                let code = sight.sip.code();
                broken.unless(code >= 200 || code == 100, "NCT-5", seen, "a provisional response other than 100");
                broken.unless(code != 408, "NCT-5", seen, "408 is of no use");
                let early = code == 100 && sight.transport == Transport::Udp && !asked;
                let due = server.begun() + timers.slowed();
                broken.unless(!early || sight.at >= due, "NCT-5", seen, format!("100 before {due}"));
            }
            _ => {}
        }
    }

    fn passed(&mut self, now: Instant, broken: &mut Violations) {
        while let Some((by, key)) = self.owed.missed(now) {
            broken.add("NST-2", key.host, by, format!("the {} of branch {} has no answer", key.method, key.branch));
        }
    }
}
