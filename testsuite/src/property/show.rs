//! No property: prints what the watchers see, to find out what went before a failure.

use sipsimple_core::agent::Event;
use sipsimple_core::time::Instant;

use super::{Property, Seen, Violations};

/// Prints every message and event.
#[derive(Debug, Default)]
pub struct Show;

impl Property for Show {
    fn seen(&mut self, seen: &Seen<'_>, _: &mut Violations) {
        let (sight, cseq) = (seen.sight, seen.sight.sip.cseq().0);
        println!(
            "{sight:?} {} {cseq} branch {} tags {} {}",
            sight.sip.call_id(),
            sight.sip.branch(),
            sight.sip.from_tag(),
            sight.sip.to_tag()
        );
    }

    fn told(&mut self, host: usize, at: Instant, event: &Event, _: &mut Violations) {
        println!("{at} host {host} told {:?}", event.kind);
    }
}
