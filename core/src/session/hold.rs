//! Hold (behaviour 1.7): this side's wish, what the peer was told of it, and what the peer holds.
//!
//! Media stops at once. The peer is told by the next description that goes out, and if nothing else is under way, by a re-INVITE of its
//! own; so the wish may change at any time. The application is told what the peer knows.

use crate::config::Context;
use crate::id::StreamId;
use crate::outbox::Outbox;
use crate::stream::{Line, Originator};

use super::streams::call_line;
use super::{Output, Session, SessionEvent, SessionState};

/// What the application was told that each side holds.
#[derive(Debug, Default)]
pub(super) struct Hold {
    local: Told,
    remote: Told,
}

/// What the application was told that one side holds.
#[derive(Debug, Default, PartialEq, Eq)]
struct Told {
    streams: Vec<StreamId>,
    partial: bool,
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
        if over {
            return;
        }
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
    pub(super) fn hold_unsaid(&self) -> bool {
        self.streams.iter().any(Line::hold_unsaid)
    }

    /// Whatever the peer says to a hold, media has stopped: it counts as told (behaviour 1.7).
    pub(super) fn give_up_saying_hold(&mut self) {
        for line in &mut self.streams {
            line.give_up_saying_hold();
        }
    }

    /// Tells the application what has changed.
    pub(super) fn tell_hold(&mut self, out: &mut Outbox<Output>) {
        if !self.state.is_established() {
            return;
        }
        let local = self.held(Line::said_hold);
        if local != self.hold.local {
            out.push(changed(Originator::Local, &local));
            self.hold.local = local;
        }
        let remote = self.held(|line| line.stream().on_hold_by_remote());
        if remote != self.hold.remote {
            out.push(changed(Originator::Remote, &remote));
            self.hold.remote = remote;
        }
    }

    fn held(&self, holds: impl Fn(&Line) -> bool) -> Told {
        let able = || self.streams.iter().filter(|line| line.stream().hold_supported());
        let streams: Vec<StreamId> = able().filter(|line| holds(line)).map(Line::id).collect();
        let partial = !streams.is_empty() && able().count() > streams.len();
        Told { streams, partial }
    }
}

fn changed(originator: Originator, told: &Told) -> Output {
    let (on_hold, partial) = (!told.streams.is_empty(), told.partial);
    Output::Event(SessionEvent::DidChangeHoldState { originator, on_hold, partial })
}
