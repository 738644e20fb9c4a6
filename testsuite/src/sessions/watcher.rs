//! Shows the reference model what the agents tell, and what comes to them.

use std::cell::RefCell;
use std::rc::Rc;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::time::Instant;

use crate::property::{Property, Seen, Violations};
use crate::wire::Fate;

use super::reference::Reference;

/// A watcher.
#[derive(Debug)]
pub(super) struct Watcher {
    reference: Rc<RefCell<Reference>>,
}

impl Watcher {
    pub(super) const fn new(reference: Rc<RefCell<Reference>>) -> Self {
        Self { reference }
    }
}

impl Property for Watcher {
    fn seen(&mut self, seen: &Seen<'_>, _: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        if sight.fate == Fate::Arrived && sip.request() == "BYE" {
            self.reference.borrow_mut().byes.insert((sight.host, sip.call_id().to_owned()));
        }
    }

    fn told(&mut self, host: usize, at: Instant, event: &Event, broken: &mut Violations) {
        let mut reference = self.reference.borrow_mut();
        match &event.kind {
            EventKind::Session { id, event } => reference.told(host, at, *id, event),
            EventKind::Stream { id, session, kind, event } => {
                reference.streamed(host, at, (*session, *id), kind, event);
            }
            _ => {}
        }
        for (property, host, at, text) in reference.broken.drain(..) {
            broken.add(property, host, at, text);
        }
    }
}
