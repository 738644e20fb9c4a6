//! A request other than INVITE that changes its transport on the way: what one side repeats and the other does not is seen to in between
//! (RFC 3261 section 17.1.2 and 17.2.2).

use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::sip::Sip;

use super::fork::{Repeated, Said, T1, T2};
use super::route::Onward;

/// One request.
#[derive(Clone, Debug)]
pub(super) struct Relay {
    branch: String,
    way: Onward,
    asking: Option<Repeated>,
    answer: Option<Sip>,
}

impl Relay {
    pub(super) fn new(branch: String, way: Onward, now: Instant) -> (Self, Vec<Said>) {
        let said = vec![Said::Down(way.clone()), Said::Wake(T1)];
        (Self { branch, way, asking: Some(Repeated::new(now)), answer: None }, said)
    }

    pub(super) fn has(&self, branch: &str) -> bool {
        self.branch == branch
    }

    /// It came again.
    pub(super) fn repeated(&self) -> Vec<Said> {
        self.answer.clone().map(|answer| Said::Back(self.branch.clone(), answer)).into_iter().collect()
    }

    pub(super) fn answered(&mut self, response: &Sip) -> Vec<Said> {
        if response.code() >= 200 {
            self.asking = None;
            self.answer = Some(response.clone());
        }
        vec![Said::Back(self.branch.clone(), response.clone())]
    }

    pub(super) fn alarm(&mut self, now: Instant) -> Vec<Said> {
        let udp = self.way.hop.transport() == Transport::Udp;
        let due = self.asking.as_mut().and_then(|asking| asking.is_due(now, T2)).filter(|_| udp);
        let again = due.filter(|due| *due).map(|_| Said::Down(self.way.clone()));
        again.into_iter().chain(due.map(|_| Said::Wake(T1))).collect()
    }
}
