//! No property: draws what the watchers see, hosts side by side and time downwards, to find out what went before a failure.
//!
//! ```text
//!    time  host 0                             host 1
//!   0.011  INVITE 1 sdp ─►
//!   0.021                                     ─► INVITE 1 sdp
//!   0.021                                     * NewIncoming 1
//! ```

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

use sipsimple_core::agent::{Event, EventKind};
use sipsimple_core::time::Instant;

use crate::wire::Fate;
use crate::words;

use super::{Property, Seen, Violations};

/// Where a ladder is drawn.
pub type Lines = Rc<RefCell<String>>;

/// The columns of one host.
const WIDTH: usize = 38;

/// Draws every message and event.
#[derive(Debug)]
pub struct Ladder {
    lines: Lines,
}

impl Ladder {
    /// A ladder that is drawn there.
    #[must_use]
    pub const fn new(lines: Lines) -> Self {
        Self { lines }
    }

    fn line(&self, at: Instant, host: usize, text: &str) {
        let millis = at.as_millis();
        let _ = writeln!(
            self.lines.borrow_mut(),
            "{:>6}.{:03}  {:3$}{text}",
            millis / 1000,
            millis % 1000,
            "",
            host * WIDTH
        );
    }
}

impl Property for Ladder {
    fn seen(&mut self, seen: &Seen<'_>, _: &mut Violations) {
        let (sight, sip) = (seen.sight, seen.sight.sip);
        let sdp = if sip.description().is_some() { " sdp" } else { "" };
        let text = format!("{sip} {}{sdp}", sip.cseq().0);
        let text = if sight.fate == Fate::Sent { format!("{text} ─►") } else { format!("─► {text}") };
        self.line(sight.at, sight.host, &text);
    }

    fn told(&mut self, host: usize, at: Instant, event: &Event, _: &mut Violations) {
        if let EventKind::Session { id, event } = &event.kind
            && let Some(words) = words::of(event)
        {
            self.line(at, host, &format!("* {}: {words}", id.as_u64()));
        }
    }
}
