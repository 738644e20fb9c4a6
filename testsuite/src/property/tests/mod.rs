//! The watchers themselves: each lets a sound exchange pass, and names the property that a changed one breaks.

mod calls;
mod dialogs;
mod media;
mod media_news;
mod msrp;
mod names;
mod usages;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use sipsimple_core::time::Instant;
use sipsimple_core::transaction::Timers;
use sipsimple_core::transport::Transport;

use crate::draft::{Draft, audio};
use crate::wire::{Fate, Sight};

use super::{Property, Watch};

/// One host, what it sends and gets, and one who watches.
struct Stage {
    watch: Watch,
    at: u64,
}

/// The host.
fn own() -> SocketAddr {
    "10.0.0.1:5060".parse().unwrap()
}

/// The other side.
fn peer() -> SocketAddr {
    "10.9.0.1:5060".parse().unwrap()
}

impl Stage {
    fn new(property: impl Property + 'static) -> Self {
        let mut watch = Watch { properties: vec![Box::new(property)], ..Watch::default() };
        watch.model.add_host(Timers::default());
        Self { watch, at: 0 }
    }

    fn see(mut self, fate: Fate, draft: &Draft) -> Self {
        let (from, to) = if fate == Fate::Sent { (own(), peer()) } else { (peer(), own()) };
        let (at, sip) = (Instant::from_millis(self.at), draft.sip());
        self.watch.seen(&Sight { at, fate, host: 0, transport: Transport::Udp, from, to, sip: &sip });
        self
    }

    /// The host sends this.
    fn sent(self, draft: &Draft) -> Self {
        self.see(Fate::Sent, draft)
    }

    /// The host gets this.
    fn got(self, draft: &Draft) -> Self {
        self.see(Fate::Arrived, draft)
    }

    /// The host loses a connection.
    fn lost(mut self) -> Self {
        self.watch.lost(0, Instant::from_millis(self.at));
        self
    }

    /// So much time passes.
    fn wait(mut self, ms: u64) -> Self {
        self.at += ms;
        self
    }

    /// Whatever was to come has come: what is broken.
    #[track_caller]
    fn breaks(mut self, ids: &[&str]) {
        self.watch.finish(Instant::from_millis(self.at));
        let broken = self.watch.take();
        let found: BTreeSet<&str> = broken.iter().map(|violation| violation.id).collect();
        assert_eq!(found, ids.iter().copied().collect(), "{broken:#?}");
    }
}

/// A request that the host sends.
fn ours(method: &str, name: &str) -> Draft {
    Draft::request(method, "sip:peer@10.9.0.1:5060", own(), name)
}

/// A request that the host gets.
fn theirs(method: &str, name: &str) -> Draft {
    Draft::request(method, "sip:own@10.0.0.1:5060", peer(), name)
}

/// The answer of either side, with a Contact.
fn answer(request: &Draft, code: u16) -> Draft {
    Draft::response(&request.sip(), code, "tag").with("Contact", "<sip:somebody@10.9.0.1:5060>")
}

/// A request of the one who began `first`, in the dialog that its answer has made.
fn next(first: &Draft, method: &str, number: u32, name: &str) -> Draft {
    let sip = first.sip();
    Draft::request(method, "sip:somebody@10.9.0.1:5060", sip.via().unwrap().address().unwrap(), name)
        .set("From", sip.header("from").unwrap())
        .set("To", format!("{};tag=tag", sip.header("to").unwrap()))
        .set("Call-ID", sip.call_id())
        .set("CSeq", format!("{number} {method}"))
}

/// A request of the one who got `first`, in the dialog that its answer has made.
fn back(first: &Draft, method: &str, number: u32, name: &str) -> Draft {
    let sip = first.sip();
    let other = if sip.via().unwrap().address() == Some(own()) { peer() } else { own() };
    Draft::request(method, sip.contact(), other, name)
        .set("From", format!("{};tag=tag", sip.header("to").unwrap()))
        .set("To", sip.header("from").unwrap())
        .set("Call-ID", sip.call_id())
        .set("CSeq", format!("{number} {method}"))
}

fn sdp(draft: Draft) -> Draft {
    draft.body("application/sdp", audio(peer(), 4000))
}
