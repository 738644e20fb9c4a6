//! How a session ends: by the application, by the peer, by a failure.

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::dialog::Role;
use crate::invitation::State;
use crate::outbox::Outbox;
use crate::sip::{HeaderName, Text, reason_phrase};
use crate::stream::Line;

use super::streams::{call_line, end_lines};
use super::{Originator, Output, Session, SessionEvent, SessionState, Wait};

/// How many seconds a caller is asked to wait when there is no port for it.
const RETRY_AFTER: &str = "10";

/// Why a session has failed whose 200 nobody has acknowledged; the peer is told in other words (RFC 3326).
const NO_ACK: &str = "No ACK received";

/// Who ends a session, and in what words.
#[derive(Clone, Debug)]
pub(super) struct Ending {
    pub(super) originator: Originator,
    pub(super) reason: Text,
    /// Whether it had been accepted, so that it ends and does not fail.
    pub(super) was_accepted: bool,
}

impl Session {
    /// Ends the session, in whatever state it is (design decision 7): CANCEL, BYE, or 603 to an INVITE that nobody answered.
    pub fn end(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.end_with(cx, 603, out);
    }

    /// The same, with another code for an INVITE that nobody answered: 480 when the program stops, since nobody said no.
    pub fn end_with(&mut self, cx: &mut Context<'_>, code: u16, out: &mut Outbox<Output>) {
        match self.state {
            SessionState::Null | SessionState::Terminating | SessionState::Terminated => {}
            SessionState::Incoming => self.refuse(cx, code, None, &[], out),
            SessionState::Outgoing
            | SessionState::Accepting
            | SessionState::Connected
            | SessionState::ReceivedProposal
            | SessionState::ReceivedProposalRequest
            | SessionState::AcceptingProposal
            | SessionState::RejectingProposal
            | SessionState::SendingProposal
            | SessionState::CancellingProposal => {
                let usage = self.invitation.as_ref().map(super::Invitation::state);
                match usage {
                    None => {
                        self.enter(SessionState::Terminating, out);
                        self.finish_cancelled(cx, out);
                    }
                    Some(State::Incoming | State::Early) if self.state == SessionState::Accepting => {
                        self.refuse(cx, code, None, &[], out);
                    }
                    Some(_) => self.end_usage(cx, "user request", None, out),
                }
            }
        }
    }

    /// Ends the INVITE usage by CANCEL or BYE, and waits for the peer's word.
    fn end_usage(&mut self, cx: &mut Context<'_>, words: &str, header: Option<&str>, out: &mut Outbox<Output>) {
        self.begin_ending(cx, Originator::Local, words, out);
        // A callee's BYE may have to wait for the ACK for long: the application does not (design decision 12).
        let waits = |usage: &super::Invitation| usage.role() == Role::Callee && usage.state() == State::Connecting;
        let at_once = self.invitation.as_ref().is_some_and(waits);
        self.wait(cx, Wait::End, Some(cx.config.end_timeout));
        self.with_invitation(cx, out, |invitation, cx, usage| invitation.end(cx, header, usage));
        if at_once && self.state == SessionState::Terminating {
            self.finish_ended(cx, Cause { by: By::Local, code: None, reason: None }, out);
        }
    }

    /// Goes to `Terminating`; `WillEnd` is told if the session had been accepted.
    pub(super) fn begin_ending(
        &mut self,
        cx: &mut Context<'_>,
        originator: Originator,
        words: &str,
        out: &mut Outbox<Output>,
    ) {
        if matches!(self.state, SessionState::Terminating | SessionState::Terminated) {
            return;
        }
        let was_accepted = self.was_accepted() || self.state.is_established();
        self.enter(SessionState::Terminating, out);
        if was_accepted {
            out.push(Output::Event(SessionEvent::WillEnd { originator }));
        }
        self.ending = Some(Ending { originator, reason: words.into(), was_accepted });
        self.end_streams(cx, out);
    }

    fn was_accepted(&self) -> bool {
        self.invitation.as_ref().is_some_and(|usage| matches!(usage.state(), State::Connecting | State::Connected))
    }

    /// Something of our own failed: the peer is told by 500, CANCEL or BYE.
    pub(super) fn fail(&mut self, cx: &mut Context<'_>, words: &str, out: &mut Outbox<Output>) {
        self.fail_with(cx, 500, words, out);
    }

    /// There is no room for it now: an INVITE that is not answered yet may come again later (RFC 3261 section 21.5.4).
    pub(super) fn fail_for_now(&mut self, cx: &mut Context<'_>, words: &str, out: &mut Outbox<Output>) {
        self.fail_by(cx, 503, &[(HeaderName::RetryAfter, Text::from_static(RETRY_AFTER))], words, out);
    }

    /// The same, with another code for an INVITE that is not answered yet.
    pub(super) fn fail_with(&mut self, cx: &mut Context<'_>, code: u16, words: &str, out: &mut Outbox<Output>) {
        self.fail_by(cx, code, &[], words, out);
    }

    fn fail_by(
        &mut self,
        cx: &mut Context<'_>,
        code: u16,
        headers: &[(HeaderName, Text)],
        words: &str,
        out: &mut Outbox<Output>,
    ) {
        if matches!(self.state, SessionState::Null | SessionState::Terminating | SessionState::Terminated) {
            return;
        }
        match self.invitation.as_ref().map(super::Invitation::state) {
            None => {
                self.finish_failed(cx, Originator::Local, words, Vec::new(), Cause::new(By::Local, words), out);
            }
            Some(State::Incoming | State::Early) if self.state != SessionState::Outgoing => {
                self.ending = Some(Ending { originator: Originator::Local, reason: words.into(), was_accepted: false });
                self.refuse(cx, code, None, headers, out);
            }
            Some(State::Connecting) if self.state == SessionState::Accepting => {
                // The peer has not acknowledged: told at once, while the BYE waits for the ACK.
                let header = reason_header(code, if words == NO_ACK { "Missing ACK" } else { words });
                self.with_invitation(cx, out, |invitation, cx, usage| invitation.end(cx, Some(&header), usage));
                let cause = Cause::status(By::Local, 200, words);
                self.finish_failed(cx, Originator::Local, words, Vec::new(), cause, out);
            }
            Some(_) => self.end_usage(cx, words, Some(&reason_header(code, words)), out),
        }
    }

    /// The streams did not start, or the ACK did not come, in time.
    pub(super) fn not_started(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        use super::AckReceived;
        let all_started = self.started && self.streams.iter().all(Line::is_started);
        if self.state == SessionState::Accepting && !self.acknowledged {
            let ack = if all_started { AckReceived::False } else { AckReceived::Unknown };
            self.report(Originator::Remote, "INVITE", 200, "OK".into(), Some(ack), out);
        }
        if all_started && self.state == SessionState::Accepting && !self.acknowledged {
            self.fail(cx, NO_ACK, out);
        } else {
            self.fail(cx, "media stream timed out while starting", out);
        }
    }

    /// An answer, or its absence, has ended the INVITE usage, and our BYE is on its way: the session is over all the same.
    pub(super) fn usage_ending(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let ending = self.invitation.as_ref().filter(|usage| usage.state() == State::Disconnecting);
        let Some(cause) = ending.filter(|_| self.state.is_established()).and_then(super::Invitation::ending) else {
            return;
        };
        let originator = if cause.by == By::Remote { Originator::Remote } else { Originator::Local };
        let words = cause.reason.clone().unwrap_or_else(|| "user request".into());
        self.begin_ending(cx, originator, &words, out);
        self.wait(cx, Wait::End, Some(cx.config.end_timeout));
    }

    /// The INVITE usage ended after it was connected.
    pub(super) fn ended(
        &mut self,
        cx: &mut Context<'_>,
        cause: Cause,
        by_peer: bool,
        code: u16,
        reason: Text,
        out: &mut Outbox<Output>,
    ) {
        if self.state == SessionState::Terminated {
            return;
        }
        let originator = if by_peer { Originator::Remote } else { Originator::Local };
        let words = cause.reason.clone().unwrap_or_else(|| "user request".into());
        let by_remote = if cause.by == By::Remote { Originator::Remote } else { Originator::Local };
        self.begin_ending_of_connected(cx, by_remote, &words, out);
        self.report(originator, "BYE", code, reason, None, out);
        if self.ending.as_ref().is_some_and(|ending| ending.was_accepted) {
            self.finish_ended(cx, cause, out);
        } else {
            // A 2xx crossed our CANCEL: the BYE ended what nobody wanted any more.
            self.finish_cancelled(cx, out);
        }
    }

    /// `WillEnd`, whatever the usage's state is by now.
    fn begin_ending_of_connected(
        &mut self,
        cx: &mut Context<'_>,
        originator: Originator,
        words: &str,
        out: &mut Outbox<Output>,
    ) {
        if self.ending.is_some() {
            return;
        }
        self.enter(SessionState::Terminating, out);
        out.push(Output::Event(SessionEvent::WillEnd { originator }));
        self.ending = Some(Ending { originator, reason: words.into(), was_accepted: true });
        self.end_streams(cx, out);
    }

    /// The peer did not say a word for `Config::end_timeout`: the application is told, the machines below linger on.
    pub(super) fn end_unheard(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.rejection.is_some() {
            self.refusal_done(cx, false, out);
        } else if self.ending.as_ref().is_some_and(|ending| ending.was_accepted) {
            self.report(Originator::Local, "BYE", 408, reason_phrase(408).into(), None, out);
            let cause = self.invitation.as_ref().and_then(super::Invitation::ending).cloned();
            self.finish_ended(cx, cause.unwrap_or(Cause { by: By::Local, code: None, reason: None }), out);
        } else {
            self.finish_cancelled(cx, out);
        }
    }

    /// Our CANCEL had its effect, or the INVITE was never sent.
    pub(super) fn finish_cancelled(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let words = self.ending.as_ref().map_or_else(|| "user request".into(), |ending| ending.reason.clone());
        let cause = Cause::status(By::Local, 487, "Session Cancelled");
        self.finish_failed(cx, Originator::Local, &words, Vec::new(), cause, out);
    }

    /// The session is over before it started.
    pub(super) fn finish_failed(
        &mut self,
        cx: &mut Context<'_>,
        originator: Originator,
        words: &str,
        redirect_identities: Vec<Text>,
        cause: Cause,
        out: &mut Outbox<Output>,
    ) {
        if self.state == SessionState::Terminated {
            return;
        }
        self.wait = None;
        self.end_streams(cx, out);
        self.end_transfers(out);
        self.end_inside(out);
        self.enter(SessionState::Terminated, out);
        let code = cause.code.unwrap_or(0);
        let reason = if code == 0 { Text::new() } else { cause.reason.clone().unwrap_or_default() };
        out.push(Output::Event(SessionEvent::DidFail {
            originator,
            code,
            reason,
            failure_reason: words.into(),
            redirect_identities,
            stop_time: cx.utc,
            cause,
        }));
    }

    fn finish_ended(&mut self, cx: &Context<'_>, mut cause: Cause, out: &mut Outbox<Output>) {
        if self.state == SessionState::Terminated {
            return;
        }
        // A re-INVITE whose answer was lost with the BYE would wait for it for ever.
        self.wait(cx, Wait::Rest, Some(cx.config.timers.timeout()));
        self.end_transfers(out);
        self.end_inside(out);
        self.enter(SessionState::Terminated, out);
        let (originator, end_reason) = match self.ending.take() {
            Some(ending) => (ending.originator, ending.reason),
            None => (Originator::Local, "user request".into()),
        };
        if cause.reason.is_none() {
            cause.reason = Some(end_reason.clone());
        }
        let (start_time, stop_time) = (self.start_time, cx.utc);
        out.push(Output::Event(SessionEvent::DidEnd { originator, end_reason, start_time, stop_time, cause }));
    }

    /// Ends the streams, and with them what was proposed.
    pub(super) fn end_streams(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        for line in &mut self.streams {
            call_line(&self.info, cx, line, out, Line::leave);
        }
        self.deferred = None;
        self.late = super::late::Late::default();
        self.again = super::sent::Again::default();
        self.pause = None;
        let ours = self.drop_ours(cx, out).filter(super::sent::Ours::adds);
        let ours = ours.map(|ours| (Originator::Local, ours.streams().to_vec()));
        let theirs = self.theirs.take().map(|theirs| {
            let streams = theirs.streams().to_vec();
            self.leaving.extend(end_lines(&self.info, cx, theirs.lines, out));
            (Originator::Remote, streams)
        });
        for (originator, streams) in ours.into_iter().chain(theirs).filter(|(_, streams)| !streams.is_empty()) {
            let failure_reason = Text::from_static("session ended");
            out.push(Output::Event(SessionEvent::HadProposalFailure { originator, failure_reason, streams }));
        }
    }
}

/// A Reason header for a failure of our own (RFC 3326).
fn reason_header(code: u16, words: &str) -> String {
    let text: String = words.chars().map(|c| if c.is_control() || c == '"' || c == '\\' { ' ' } else { c }).collect();
    format!("SIP;cause={code};text=\"{text}\"")
}
