//! Hold (behaviour 1.7): this side's wish, what the peer was told of it, and what the peer holds.
//!
//! Media stops at once. The peer is told by the next description that goes out, and if nothing else is under way, by a re-INVITE of its
//! own; so the wish may change at any time.

use crate::config::Context;
use crate::id::StreamId;
use crate::outbox::Outbox;
use crate::stream::{Line, MediaStream, Originator};

use super::streams::call_line;
use super::{Output, Session, SessionEvent, SessionState};

/// What each side holds.
#[derive(Debug, Default)]
pub(super) struct Hold {
    /// Whether the application wants us to hold.
    pub(super) wanted: bool,
    /// What our last description says, whose answer may be outstanding.
    pub(super) described: bool,
    /// What the last agreement says.
    pub(super) said: bool,
    /// What the application was told of that.
    told: bool,
    /// The streams that the peer holds, as the application was told.
    remote: Vec<StreamId>,
}

impl Session {
    /// Puts the streams that know of hold on hold, in any state (`Session.hold`).
    pub fn hold(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.set_hold(cx, true, out);
    }

    /// Takes them off hold, in any state (`Session.unhold`).
    pub fn unhold(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.set_hold(cx, false, out);
    }

    fn set_hold(&mut self, cx: &mut Context<'_>, on_hold: bool, out: &mut Outbox<Output>) {
        let over = matches!(self.state, SessionState::Terminating | SessionState::Terminated);
        if over || self.hold.wanted == on_hold {
            return;
        }
        self.hold.wanted = on_hold;
        let ours = self.ours.as_mut().filter(|ours| ours.adds()).map(|ours| &mut ours.lines);
        let theirs = self.theirs.as_mut().map(|theirs| &mut theirs.lines);
        let lines = self.streams.iter_mut().chain(ours.into_iter().flatten()).chain(theirs.into_iter().flatten());
        for line in lines {
            call_line(&self.info, cx, line, out, |line, cx, out| line.set_hold(cx, on_hold, out));
        }
        self.follow_up(cx, out);
    }

    /// Whether either side holds a stream (attribute `on_hold`).
    #[must_use]
    pub fn on_hold(&self) -> bool {
        self.streams.iter().any(|line| line.stream().on_hold())
    }

    /// Whether this side holds a stream (attribute `on_hold_by_local` of seed 000).
    #[must_use]
    pub fn on_hold_by_local(&self) -> bool {
        self.streams.iter().any(|line| line.stream().on_hold_by_local())
    }

    /// Whether the peer holds a stream (attribute `on_hold_by_remote` of seed 000).
    #[must_use]
    pub fn on_hold_by_remote(&self) -> bool {
        self.streams.iter().any(|line| line.stream().on_hold_by_remote())
    }

    /// Whether the peer is yet to be told what we hold.
    pub(super) const fn hold_unsaid(&self) -> bool {
        self.hold.wanted != self.hold.said
    }

    /// Whether no stream knows of hold, so that there is nothing to tell the peer.
    pub(super) fn nothing_to_hold(&self) -> bool {
        !self.streams.iter().any(|line| line.stream().hold_supported())
    }

    /// Tells the application what has changed.
    pub(super) fn tell_hold(&mut self, out: &mut Outbox<Output>) {
        if !self.state.is_established() {
            return;
        }
        if self.hold.told != self.hold.said {
            self.hold.told = self.hold.said;
            self.tell_hold_of(Originator::Local, |stream| stream.on_hold_by_local(), out);
        }
        let held = self.streams.iter().filter(|line| line.stream().on_hold_by_remote()).map(Line::id);
        let held: Vec<StreamId> = held.collect();
        if held != self.hold.remote {
            self.hold.remote = held;
            self.tell_hold_of(Originator::Remote, |stream| stream.on_hold_by_remote(), out);
        }
    }

    fn tell_hold_of(&self, originator: Originator, holds: impl Fn(&dyn MediaStream) -> bool, out: &mut Outbox<Output>) {
        let able = || self.streams.iter().map(Line::stream).filter(|stream| stream.hold_supported());
        let on_hold = able().any(&holds);
        let partial = on_hold && !able().all(&holds);
        out.push(Output::Event(SessionEvent::DidChangeHoldState { originator, on_hold, partial }));
    }
}
