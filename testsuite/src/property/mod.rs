//! The properties that hold in every world, one file for each area, each named by its id and the section of the RFC that demands it.
//!
//! A property watches the messages that hosts send and get, and the events that their agents tell. What a message must
//! be is judged at once; what must follow is [owed](Owed), and missed when its time has passed. The [table](mod@table) says where each
//! property is asserted.

mod cancel;
mod dialog;
mod events;
mod forks;
mod invite_client;
mod invite_server;
mod ladder;
mod lifecycle;
mod matching;
mod media;
mod memory;
mod msrp_codes;
mod msrp_frames;
mod msrp_lines;
mod msrp_messages;
mod names;
mod non_invite_client;
mod non_invite_server;
mod offer_answer;
mod packets;
mod prack;
mod reason;
mod refer;
mod registration;
mod reinvites;
mod replaces;
mod show;
mod side;
pub mod table;
#[cfg(test)]
mod tests;
mod timer;
mod update;
mod usages;

pub use cancel::Cancel;
pub use dialog::Dialogs;
pub use events::Events;
pub use forks::Forks;
pub use invite_client::InviteClient;
pub use invite_server::InviteServer;
pub use ladder::{Ladder, Lines};
pub use lifecycle::Lifecycle;
pub use matching::Matching;
pub use media::MediaNews;
pub use memory::{Memory, Owed};
pub use msrp_codes::MsrpCodes;
pub use msrp_frames::MsrpFrames;
pub use msrp_lines::MsrpLines;
pub use msrp_messages::MsrpMessages;
pub use names::{NameSight, Names};
pub use non_invite_client::NonInviteClient;
pub use non_invite_server::NonInviteServer;
pub use offer_answer::OfferAnswer;
pub use packets::{MediaSight, Packets};
pub use prack::Prack;
pub use reason::Reason;
pub use refer::Refer;
pub use registration::Registrations;
pub use reinvites::Reinvites;
pub use replaces::Replaces;
pub use show::Show;
pub use side::Side;
pub use timer::SessionTimer;
pub use update::Update;
pub use usages::Usages;

use std::fmt;
use std::time::Duration;

use sipsimple_core::agent::Event;
use sipsimple_core::id::ConnId;
use sipsimple_core::time::Instant;
use sipsimple_core::transport::Transport;

use crate::model::{Client, Model, Step};
use crate::sip::Sip;
use crate::wire::{MsrpSight, Sight};

/// The requests that follow an INVITE larger than this may leave UDP, and so take their time (RFC 3261 section 18.1.1).
const LARGE: usize = 1300;

/// Whether a list of option tags has this one.
fn lists(sip: &Sip, field: &str, option: &str) -> bool {
    sip.list(field).iter().any(|known| known.eq_ignore_ascii_case(option))
}

/// Whether a request went as a datagram, and what follows from it does so too.
fn within_datagram(client: &Client) -> bool {
    client.transport == Transport::Udp && client.request.data().len() <= LARGE
}

/// All properties.
#[must_use]
pub fn all() -> Vec<Box<dyn Property>> {
    vec![
        Box::new(Lifecycle::default()),
        Box::new(Matching::default()),
        Box::new(InviteClient::default()),
        Box::new(NonInviteClient::default()),
        Box::new(InviteServer::default()),
        Box::new(NonInviteServer::default()),
        Box::new(Cancel::default()),
        Box::new(Dialogs::default()),
        Box::new(OfferAnswer::default()),
        Box::new(Prack::default()),
        Box::new(Update::default()),
        Box::new(Reinvites::default()),
        Box::new(Usages::default()),
        Box::new(Forks::default()),
        Box::new(SessionTimer::default()),
        Box::new(Refer::default()),
        Box::new(Replaces::default()),
        Box::new(Reason),
        Box::new(Registrations::default()),
        Box::new(Events::default()),
        Box::new(MsrpCodes::default()),
        Box::new(MsrpFrames::default()),
        Box::new(MsrpMessages::default()),
        Box::new(MsrpLines::default()),
        Box::new(Names::default()),
        Box::new(MediaNews::default()),
        Box::new(Packets::default()),
    ]
}

/// Something that watches a world, and says what is wrong with it.
pub trait Property {
    /// A host sent or got a message.
    fn seen(&mut self, _seen: &Seen<'_>, _broken: &mut Violations) {}

    /// A host wrote or got a frame of MSRP.
    fn frame(&mut self, _sight: &MsrpSight<'_>, _broken: &mut Violations) {}

    /// A connection of a host is closed.
    fn closed(&mut self, _host: usize, _conn: ConnId, _at: Instant, _broken: &mut Violations) {}

    /// A host asked a name server by datagram, or heard from one.
    fn named(&mut self, _sight: &NameSight<'_>, _broken: &mut Violations) {}

    /// A media socket of a host sent or got a datagram.
    fn media(&mut self, _sight: &MediaSight<'_>, _broken: &mut Violations) {}

    /// An agent told an event.
    fn told(&mut self, _host: usize, _at: Instant, _event: &Event, _broken: &mut Violations) {}

    /// A host lost a connection, or failed to open it: what it wrote there of late was not seen.
    fn lost(&mut self, _host: usize, _at: Instant) {}

    /// Time has passed: what was due before `now` has happened, or never will.
    fn passed(&mut self, _now: Instant, _broken: &mut Violations) {}

    /// Nothing more will happen.
    fn finished(&mut self, _now: Instant, _broken: &mut Violations) {}
}

/// A message, what it is in the life of its transaction, and the transactions as they are with it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The message.
    pub sight: &'a Sight<'a>,
    /// What it is.
    pub step: &'a Step,
    /// The transactions.
    pub model: &'a Model,
}

/// A property that does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The property.
    pub id: &'static str,
    /// When.
    pub at: Instant,
    /// The host that broke it.
    pub host: usize,
    /// What happened.
    pub text: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} is broken by host {} at {}: {}", self.id, self.host, self.at, self.text)
    }
}

/// What is broken so far.
#[derive(Debug, Default)]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// A property does not hold.
    pub fn add(&mut self, id: &'static str, host: usize, at: Instant, text: impl Into<String>) {
        self.0.push(Violation { id, at, host, text: text.into() });
    }

    /// A message breaks a property.
    pub fn seen(&mut self, id: &'static str, seen: &Seen<'_>, why: impl fmt::Display) {
        let Sight { host, at, .. } = *seen.sight;
        self.add(id, host, at, format!("{why}\n{:?}\n{:?}", seen.sight, seen.sight.sip));
    }

    /// A frame of MSRP breaks a property.
    pub fn msrp(&mut self, id: &'static str, sight: &MsrpSight<'_>, why: impl fmt::Display) {
        let MsrpSight { at, host, conn, fate, frame, .. } = sight;
        let fields = (&frame.transaction, &frame.start, &frame.fields, frame.flag);
        self.add(id, *host, *at, format!("{why}\n{fate:?} on {conn}: {fields:?}"));
    }

    /// A message breaks a property unless `holds`.
    pub fn unless(&mut self, holds: bool, id: &'static str, seen: &Seen<'_>, why: impl fmt::Display) {
        if !holds {
            self.seen(id, seen, why);
        }
    }
}

/// Those who watch a world, and what they share.
#[derive(Default)]
pub(crate) struct Watch {
    pub(crate) model: Model,
    pub(crate) properties: Vec<Box<dyn Property>>,
    broken: Violations,
    last: Instant,
}

impl Watch {
    fn pass(&mut self, now: Instant) {
        if now > self.last {
            self.last = now;
            for property in &mut self.properties {
                property.passed(now, &mut self.broken);
            }
        }
    }

    pub(crate) fn seen(&mut self, sight: &Sight<'_>) {
        self.pass(sight.at);
        let step = self.model.note(sight);
        let seen = Seen { sight, step: &step, model: &self.model };
        for property in &mut self.properties {
            property.seen(&seen, &mut self.broken);
        }
    }

    pub(crate) fn frame(&mut self, sight: &MsrpSight<'_>) {
        self.pass(sight.at);
        for property in &mut self.properties {
            property.frame(sight, &mut self.broken);
        }
    }

    pub(crate) fn closed(&mut self, host: usize, conn: ConnId, at: Instant) {
        self.pass(at);
        for property in &mut self.properties {
            property.closed(host, conn, at, &mut self.broken);
        }
    }

    /// A host wrote what is no frame of MSRP where one should be.
    pub(crate) fn unframed(&mut self, host: usize, at: Instant, why: &str) {
        self.broken.add("MSR-1", host, at, why);
    }

    pub(crate) fn told(&mut self, host: usize, at: Instant, event: &Event) {
        for property in &mut self.properties {
            property.told(host, at, event, &mut self.broken);
        }
    }

    pub(crate) fn named(&mut self, sight: &NameSight<'_>) {
        self.pass(sight.at);
        for property in &mut self.properties {
            property.named(sight, &mut self.broken);
        }
    }

    pub(crate) fn media(&mut self, sight: &MediaSight<'_>) {
        self.pass(sight.at);
        for property in &mut self.properties {
            property.media(sight, &mut self.broken);
        }
    }

    pub(crate) fn lost(&mut self, host: usize, at: Instant) {
        for property in &mut self.properties {
            property.lost(host, at);
        }
    }

    /// A host sent what is no message.
    pub(crate) fn unreadable(&mut self, host: usize, at: Instant, data: &[u8]) {
        self.broken.add("GEN-4", host, at, format!("it sent what is no message: {}", data.escape_ascii()));
    }

    pub(crate) fn finish(&mut self, now: Instant) {
        self.pass(now + Duration::from_secs(1_000_000));
        for property in &mut self.properties {
            property.finished(now, &mut self.broken);
        }
    }

    pub(crate) fn first(&self) -> Option<&Violation> {
        self.broken.0.first()
    }

    pub(crate) fn take(&mut self) -> Vec<Violation> {
        std::mem::take(&mut self.broken.0)
    }
}
