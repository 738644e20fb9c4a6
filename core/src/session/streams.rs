//! What the streams of a session are told, and what they say.

use crate::config::Context;
use crate::id::{ConnId, StreamId};
use crate::outbox::Outbox;
use crate::sip::Text;
use crate::stream::{self, Command, Failure, Input, Line, SessionInfo, StreamError};

use super::sent::Purpose;
use super::start::Settled;
use super::{Originator, Output, Session, SessionError, SessionEvent, SessionState, StreamAction};

/// Why a proposal fails whose streams all went before they had started.
pub(super) const REMOVED: &str = "media stream was removed by the peer";

/// Whose stream has failed.
enum Member {
    Active,
    OfOurs,
    OfTheirs,
}

impl Session {
    /// Something happened to what one of its streams has in the world.
    pub fn stream_input(&mut self, cx: &mut Context<'_>, stream: StreamId, input: Input, out: &mut Outbox<Output>) {
        self.with_line(cx, stream, out, |line, cx, out| line.input(cx, input, out));
        self.follow_up(cx, out);
    }

    /// The application wants something of one of its streams.
    ///
    /// # Errors
    /// When there is no such stream, or it refuses.
    pub fn stream_command(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        command: &Command,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let done = self.with_line(cx, stream, out, |line, cx, out| line.command(cx, command, out));
        done.unwrap_or(Err(StreamError::Unknown(stream)))?;
        self.follow_up(cx, out);
        Ok(())
    }

    /// How many more bytes a connection of one of its streams may be fed now.
    #[must_use]
    pub fn read_budget(&self, stream: StreamId, conn: ConnId) -> usize {
        self.lines().find(|line| line.id() == stream).map_or(0, |line| line.read_budget(conn))
    }

    /// All of its streams: active, proposed, and ending.
    pub fn lines(&self) -> impl Iterator<Item = &Line> {
        let ours = self.ours.iter().flat_map(|ours| &ours.lines);
        let theirs = self.theirs.iter().flat_map(|theirs| &theirs.lines);
        self.streams.iter().chain(ours).chain(theirs).chain(&self.leaving)
    }

    fn lines_mut(&mut self) -> (&SessionInfo, impl Iterator<Item = &mut Line>) {
        let ours = self.ours.iter_mut().flat_map(|ours| &mut ours.lines);
        let theirs = self.theirs.iter_mut().flat_map(|theirs| &mut theirs.lines);
        (&self.info, self.streams.iter_mut().chain(ours).chain(theirs).chain(&mut self.leaving))
    }

    /// The streams that the last exchange of descriptions was about: its own, and those of a proposal that was answered and that start.
    pub(super) fn agreed_lines_mut(&mut self) -> (&SessionInfo, impl Iterator<Item = &mut Line>) {
        let ours = self.ours.iter_mut().filter(|ours| ours.is_starting()).flat_map(|ours| &mut ours.lines);
        let theirs = self.theirs.iter_mut().filter(|theirs| theirs.is_starting()).flat_map(|theirs| &mut theirs.lines);
        (&self.info, self.streams.iter_mut().chain(ours).chain(theirs))
    }

    /// Whether this is one of its own streams.
    pub(super) fn has_stream(&self, stream: StreamId) -> bool {
        self.streams.iter().any(|line| line.id() == stream)
    }

    /// The streams that are proposed and not decided upon, by either side (attribute `proposed_streams`); `None` when there is no proposal.
    #[must_use]
    pub fn proposed_streams(&self) -> Option<Vec<StreamId>> {
        if matches!(self.state, SessionState::Outgoing | SessionState::Incoming | SessionState::Accepting) {
            return Some(ids(&self.streams));
        }
        let theirs = self.theirs.as_ref().map(|theirs| theirs.streams()).filter(|streams| !streams.is_empty());
        let ours = || self.ours.as_ref().filter(|ours| ours.adds()).map(|ours| ours.streams());
        theirs.or_else(ours).map(<[StreamId]>::to_vec)
    }

    /// Works off the deadlines of the streams that have come.
    pub(super) fn streams_due(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let (info, lines) = self.lines_mut();
        for line in lines {
            call_line(info, cx, line, out, Line::timeout);
        }
    }

    /// Something has happened: streams that failed are dealt with, and what waited for streams, for an ACK or for a time goes on.
    pub(super) fn follow_up(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        loop {
            self.leaving.retain(|line| !line.is_ended());
            self.usage_ending(cx, out);
            if self.deal_with_failure(cx, out) {
                continue;
            }
            self.initialized(cx, out);
            self.answer_late(cx, out);
            self.progress(cx, out);
            self.theirs_go_on(cx, out);
            self.ours_go_on(cx, out);
            self.flush(cx, out);
            // Each stream fails once: this ends.
            if !self.lines().any(Line::has_failed) {
                return;
            }
        }
    }

    /// What had to wait until nothing else is under way.
    fn flush(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.state != SessionState::Connected {
            return;
        }
        self.take_deferred(cx, out);
        if self.state != SessionState::Connected || !self.may_propose() {
            return;
        }
        if self.hold_unsaid() {
            self.begin_ours(Purpose::Hold, out);
        } else if !self.untidy && self.orphans().next().is_some() {
            self.begin_ours(Purpose::Tidy, out);
        } else if let Some(purpose) = self.again.take() {
            self.begin_ours(purpose, out);
        } else if self.streams.iter().any(|line| line.stream().wants_offer()) {
            self.begin_ours(Purpose::Describe, out);
        }
        self.ours_go_on(cx, out);
    }

    /// The media lines that are in use for the peer, and belong to no stream.
    pub(super) fn orphans(&self) -> impl Iterator<Item = usize> {
        let live = self.negotiator.iter().flat_map(|negotiator| negotiator.live_slots());
        let removed = self.ours.iter().filter(|ours| !ours.adds()).flat_map(|ours| &ours.lines);
        let removed: Vec<usize> = removed.filter_map(Line::slot).collect();
        live.filter(move |slot| {
            removed.contains(slot) || !self.lines().any(|line| !line.is_over() && line.slot() == Some(*slot))
        })
    }

    /// Deals with one stream that has failed; false when there is none.
    fn deal_with_failure(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) -> bool {
        let find = |lines: &mut Vec<Line>| lines.iter_mut().find_map(|line| Some((line.take_failure()?, line.id())));
        let failed = if let Some(failed) = find(&mut self.streams) {
            Some((Member::Active, failed))
        } else if let Some(failed) = self.ours.as_mut().and_then(|ours| find(&mut ours.lines)) {
            Some((Member::OfOurs, failed))
        } else if let Some(failed) = self.theirs.as_mut().and_then(|theirs| find(&mut theirs.lines)) {
            Some((Member::OfTheirs, failed))
        } else {
            find(&mut self.leaving);
            None
        };
        let Some((member, (failure, stream))) = failed else { return false };
        let words = format!("media stream failed: {}", failure.reason);
        match member {
            Member::Active => self.active_failed(cx, stream, &failure, &words, out),
            Member::OfOurs if self.ours.as_ref().is_some_and(|ours| ours.adds()) => self.ours_failed(cx, &words, out),
            // It leaves anyway.
            Member::OfOurs => {}
            Member::OfTheirs => self.theirs_failed(cx, &words, out),
        }
        true
    }

    /// A stream of the session itself has failed: before it is established that is its end, and afterwards only if there is no other. Beside others it is removed as the
    /// application would: that is told when the peer has answered. While something else is under way it is gone at once, and the peer is told later (behaviour 1.9).
    fn active_failed(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        failure: &Failure,
        words: &str,
        out: &mut Outbox<Output>,
    ) {
        if !self.state.is_established() {
            if failure.for_now {
                self.fail_for_now(cx, words, out)
            } else {
                self.fail(cx, words, out)
            }
            return;
        }
        if self.streams.len() <= 1 {
            self.fail(cx, words, out);
            return;
        }
        let failed: Vec<Line> = self.streams.extract_if(.., |line| line.id() == stream).collect();
        if self.state == SessionState::Connected {
            self.begin_removal(failed, out);
            return;
        }
        self.leaving.extend(failed);
        self.untidy = false;
        self.tell_removed(Originator::Remote, vec![stream], out);
        self.tell_hold(out);
    }

    pub(super) fn tell_removed(&self, originator: Originator, streams: Vec<StreamId>, out: &mut Outbox<Output>) {
        if !streams.is_empty() && self.state.is_established() {
            let action = StreamAction::Remove;
            out.push(Output::Event(SessionEvent::DidRenegotiateStreams { originator, action, streams }));
        }
    }

    /// Calls one of the streams; `None` when there is no such stream.
    fn with_line<T>(
        &mut self,
        cx: &mut Context<'_>,
        stream: StreamId,
        out: &mut Outbox<Output>,
        act: impl FnOnce(&mut Line, &mut stream::Context<'_>, &mut Outbox<stream::Output>) -> T,
    ) -> Option<T> {
        let (info, mut lines) = self.lines_mut();
        let line = lines.find(|line| line.id() == stream)?;
        Some(call_line(info, cx, line, out, act))
    }
}

/// The names of streams.
pub(super) fn ids(lines: &[Line]) -> Vec<StreamId> {
    lines.iter().map(Line::id).collect()
}

/// Calls a stream, and passes on what it asks and tells, under its name.
pub(super) fn call_line<T>(
    info: &SessionInfo,
    cx: &mut Context<'_>,
    line: &mut Line,
    out: &mut Outbox<Output>,
    act: impl FnOnce(&mut Line, &mut stream::Context<'_>, &mut Outbox<stream::Output>) -> T,
) -> T {
    let mut said = Outbox::new();
    let stream = line.id();
    let result = act(line, &mut stream::Context::new(cx, info, stream), &mut said);
    while let Some(output) = said.pop() {
        out.push(if let stream::Output::Event(event) = output {
            Output::News { stream, kind: Text::from_static(line.stream().kind()), event }
        } else {
            Output::Stream { stream, output }
        });
    }
    result
}

/// Whether streams are named, all of which are known.
pub(super) fn check_chosen(chosen: &[StreamId], is_known: impl Fn(StreamId) -> bool) -> Result<(), SessionError> {
    if chosen.is_empty() {
        return Err(SessionError::NoStreams);
    }
    match chosen.iter().find(|stream| !is_known(**stream)) {
        Some(unknown) => Err(SessionError::UnknownStream(*unknown)),
        None => Ok(()),
    }
}

/// Lets streams of this side's or the peer's proposal get ready.
pub(super) fn initialize_lines(
    info: &SessionInfo,
    cx: &mut Context<'_>,
    lines: &mut [Line],
    proposer: Originator,
    out: &mut Outbox<Output>,
) {
    for line in lines {
        call_line(info, cx, line, out, |line, cx, out| line.initialize(cx, proposer, out));
    }
}

/// Ends streams; those that have not ended at once are left.
pub(super) fn end_lines(
    info: &SessionInfo,
    cx: &mut Context<'_>,
    mut lines: Vec<Line>,
    out: &mut Outbox<Output>,
) -> Vec<Line> {
    for line in &mut lines {
        call_line(info, cx, line, out, Line::leave);
    }
    lines.retain(|line| !line.is_ended());
    lines
}

/// The streams start, or go on, with what was agreed on now. Those that were refused end once that `is_final`, and are told: a preview takes no stream away, since another fork may accept it.
pub(super) fn agree(
    info: &SessionInfo,
    settled: &Settled,
    cx: &mut Context<'_>,
    lines: &mut Vec<Line>,
    leaving: &mut Vec<Line>,
    is_final: bool,
    out: &mut Outbox<Output>,
) -> Vec<StreamId> {
    let mut refused = Vec::new();
    for line in &mut *lines {
        let agreement = line.slot().and_then(|slot| settled.slot(slot));
        call_line(info, cx, line, out, |line, cx, out| {
            let goes_on = agreement.is_some_and(|agreement| line.agreed(cx, &agreement, out));
            if is_final && !goes_on && !line.has_failed() {
                line.leave(cx, out);
                refused.push(line.id());
            }
        });
    }
    leaving.extend(lines.extract_if(.., |line| refused.contains(&line.id())).filter(|line| !line.is_ended()));
    refused
}
