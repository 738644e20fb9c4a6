//! The rules of RFC 3261 that tie the messages of a flow together. `vectors/README.md` lists the names of their breaches.

use std::collections::BTreeSet;

use sipsimple_core::sip::Method;

use crate::flow::{Flow, Step, is_user_agent, parameter};

type Defects = BTreeSet<&'static str>;

impl Flow {
    /// In what a response is at odds with its request (sections 8.1.3.3, 8.2.6.2, 17.1.3).
    pub(crate) fn defects_of_response(&self, step: &Step) -> Defects {
        let mut defects = Defects::new();
        let request = self.steps.iter().rev().find(|earlier| {
            earlier.uri.is_some()
                && earlier.from_node == step.to_node
                && earlier.to_node == step.from_node
                && earlier.top().is_that_of(step.top())
                && earlier.cseq == step.cseq
        });
        let Some(request) = request else { return Defects::from(["no-request"]) };
        if step.hops[1..] != request.hops[1..] {
            defects.insert("via-differs");
        }
        if step.top().received.is_none() {
            defects.insert("received-missing");
        }
        if step.from.to_string() != request.from.to_string() || step.call_id != request.call_id {
            defects.insert("from-differs");
        }
        let tag_kept = request.to.tag().is_none_or(|tag| step.to.tag() == Some(tag));
        if step.to.uri.to_string() != request.to.uri.to_string() || !tag_kept {
            defects.insert("to-differs");
        }
        if step.to.tag().is_none() && step.code != Some(100) {
            defects.insert("to-tag-missing");
        }
        let dialog = step.code.is_some_and(|code| (101..300).contains(&code)) && step.is_answer_to(&Method::Invite);
        if dialog && step.by_user_agent() && request.to.tag().is_none() && step.record_routes != request.record_routes {
            defects.insert("record-route-differs");
        }
        self.description(step, &mut defects);
        defects
    }

    /// In what a request is at odds with what its sender has sent and received.
    pub(crate) fn defects_of_request(&self, step: &Step) -> Defects {
        let mut defects = Defects::new();
        if step.top().received.is_some() {
            defects.insert("received-in-request");
        }
        if step.max_forwards.is_none() {
            defects.insert("max-forwards-missing");
        }
        let acknowledged = self.acknowledged(step);
        let refused = acknowledged.and_then(|response| response.code).is_some_and(|code| code >= 300);
        if step.is(&Method::Cancel) || refused {
            self.within_transaction(step, acknowledged, &mut defects);
        } else if self.sent_by(step).any(|earlier| earlier.top().is_that_of(step.top())) {
            defects.insert("branch-reused");
        }
        if step.hops.len() > 1 {
            self.forwarded(step, &mut defects);
        }
        if step.to.tag().is_some() && !refused {
            self.within_dialog(step, &mut defects);
        }
        self.first_hop(step, &mut defects);
        self.credentials(step, &mut defects);
        self.description(step, &mut defects);
        defects
    }

    fn sent_by<'a>(&'a self, step: &'a Step) -> impl DoubleEndedIterator<Item = &'a Step> {
        self.steps.iter().filter(|earlier| earlier.uri.is_some() && earlier.from_node == step.from_node)
    }

    /// The final response that an ACK acknowledges.
    fn acknowledged(&self, step: &Step) -> Option<&Step> {
        let acknowledged = self.steps.iter().rev().find(|earlier| {
            earlier.code.is_some_and(|code| code >= 200)
                && earlier.is_answer_to(&Method::Invite)
                && earlier.to_node == step.from_node
                && earlier.call_id == step.call_id
                && earlier.cseq.number == step.cseq.number
        });
        acknowledged.filter(|_| step.is(&Method::Ack))
    }

    /// CANCEL and the ACK of a refusal: as the INVITE (sections 9.1, 17.1.1.3).
    fn within_transaction(&self, step: &Step, response: Option<&Step>, defects: &mut Defects) {
        let invite = self.sent_by(step).rev().find(|earlier| {
            earlier.is(&Method::Invite)
                && earlier.to_node == step.to_node
                && earlier.call_id == step.call_id
                && earlier.cseq.number == step.cseq.number
        });
        let Some(invite) = invite else {
            defects.insert("no-invite");
            return;
        };
        if !invite.top().is_that_of(step.top()) || step.hops.len() != 1 {
            defects.insert("via-differs");
        }
        if invite.uri != step.uri {
            defects.insert("uri-differs");
        }
        if invite.from.to_string() != step.from.to_string() {
            defects.insert("from-differs");
        }
        if response.unwrap_or(invite).to.to_string() != step.to.to_string() {
            defects.insert("to-differs");
        }
        if invite.routes != step.routes {
            defects.insert("route-differs");
        }
    }

    /// What a proxy sends on: the Via values it received below its own, one hop less (section 16.6).
    fn forwarded(&self, step: &Step, defects: &mut Defects) {
        let received = self.steps.iter().rev().find(|earlier| {
            earlier.uri.is_some()
                && earlier.to_node == step.from_node
                && earlier.call_id == step.call_id
                && earlier.cseq == step.cseq
        });
        let Some(received) = received else {
            defects.insert("nothing-to-forward");
            return;
        };
        let (previous, below) = (&step.hops[1], &step.hops[2..]);
        if !previous.is_that_of(received.top()) || *below != received.hops[1..] {
            defects.insert("via-differs");
        }
        if previous.received.is_none() {
            defects.insert("received-missing");
        }
        let fewer = received.max_forwards.and_then(|hops| hops.checked_sub(1));
        if received.max_forwards.is_some() && step.max_forwards != fewer {
            defects.insert("max-forwards-differs");
        }
    }

    /// A request within a dialog: its identifiers, target, route and number (section 12.2.1.1).
    fn within_dialog(&self, step: &Step, defects: &mut Defects) {
        let (Some(from), Some(to)) = (step.from.tag(), step.to.tag()) else { return };
        let by_caller = (step.call_id.clone(), from.to_owned(), to.to_owned());
        let by_callee = (step.call_id.clone(), to.to_owned(), from.to_owned());
        let routes = match (self.dialogs.get(&by_caller), self.dialogs.get(&by_callee)) {
            (Some(routes), _) => routes.iter().rev().cloned().collect(),
            (None, Some(routes)) => routes.clone(),
            (None, None) => {
                defects.insert("dialog-unknown");
                return;
            }
        };
        if !step.by_user_agent() {
            return;
        }
        let peer = if step.from_node == "Alice" { "Bob" } else { "Alice" };
        if self.targets.get(&(step.call_id.clone(), peer.to_owned())) != step.uri.as_ref() {
            defects.insert("target-differs");
        }
        if step.routes != routes {
            defects.insert("route-differs");
        }
    }

    /// The first hop of a request: its number is the next one, and a repeated request keeps its From tag (sections 8.1.3.5, 12.2.1.1).
    fn first_hop(&self, step: &Step, defects: &mut Defects) {
        if step.hops.len() != 1 || step.is(&Method::Ack) || step.is(&Method::Cancel) || !is_user_agent(&step.from_node)
        {
            return;
        }
        let last = self.numbers.get(&(step.call_id.clone(), step.from_node.clone()));
        if last.is_some_and(|last| step.cseq.number != last + 1) {
            defects.insert("number-differs");
        }
        let before = self
            .sent_by(step)
            .rev()
            .find(|earlier| earlier.call_id == step.call_id && earlier.cseq.method == step.cseq.method);
        if step.to.tag().is_none() && before.is_some_and(|before| before.from.tag() != step.from.tag()) {
            defects.insert("from-tag-changed");
        }
    }

    /// Credentials answer a challenge (section 22.4).
    fn credentials(&self, step: &Step, defects: &mut Defects) {
        for credentials in &step.digests.credentials {
            let nonces = self.nonces.get(&parameter(credentials, "realm"));
            if nonces.is_some_and(|nonces| !nonces.contains(&parameter(credentials, "nonce"))) {
                defects.insert("nonce-differs");
            }
            if parameter(credentials, "response").len() != 32 {
                defects.insert("digest-length");
            }
            if credentials.contains("qop=\"") {
                defects.insert("qop-quoted");
            }
        }
    }

    /// A changed session description has a new version (RFC 3264 section 8).
    fn description(&self, step: &Step, defects: &mut Defects) {
        let Ok(text) = std::str::from_utf8(&step.body) else { return };
        let before = self.descriptions.get(&(step.call_id.clone(), step.from_node.clone()));
        let origin = |text: &str| text.lines().find(|line| line.starts_with("o=")).map(str::to_owned);
        if before.is_some_and(|before| !text.is_empty() && before != text && origin(before) == origin(text)) {
            defects.insert("sdp-version");
        }
    }
}

impl Step {
    /// Whether it is a response to a request of this method.
    pub(crate) fn is_answer_to(&self, method: &Method) -> bool {
        self.code.is_some() && self.cseq.method == *method
    }
}
