//! An incoming session: ring, accept, reject; ACK and CANCEL.

use crate::cause::{By, Cause};
use crate::config::Context;
use crate::id::{SessionId, StreamId};
use crate::invitation::{Description, Incoming, Invitation, attachments};
use crate::limits::Limits;
use crate::negotiation;
use crate::outbox::Outbox;
use crate::sdp;
use crate::sip::digest::{Credentials, Secret};
use crate::sip::{HeaderName, Part, Text, Uri, reason_phrase};
use crate::stream::{AudioSpec, Line, SessionInfo, Source, StreamSpec};

use super::start::Disagreement;
use super::streams::{check_chosen, end_lines, initialize_lines};
use super::{AckReceived, Direction, Originator, Output, Session, SessionError, SessionEvent, SessionState, Wait};

/// An INVITE that came outside of any dialog.
#[derive(Debug)]
pub struct Invited {
    /// Whose it is, and with whom. Its credentials are what challenges to our requests are answered with: for a realm that is known, since anybody may call.
    pub info: SessionInfo,
    /// The request.
    pub incoming: Incoming,
    /// Our Contact URI toward the peer.
    pub contact: Uri,
    /// The session whose place it takes when it starts (RFC 3891).
    pub replaced: Option<SessionId>,
}

impl Session {
    /// Looks at an INVITE that came outside of any dialog. `None`: it was refused (488 without a stream that we know, 400 without a usable Contact), and `refusal` says how.
    pub fn incoming(cx: &mut Context<'_>, invited: Invited, source: &mut Source<'_>, out: &mut Outbox<Output>) -> Self {
        let Invited { info, incoming, contact, replaced } = invited;
        let (account, local) = (info.account, info.local);
        let remote_identity = info.remote_identity.to_string().into();
        let credentials = info.credentials.clone();
        let mut session = Self::new(info, Direction::Incoming, None, Vec::new());
        session.note_user_agent(&incoming.request);
        let parts = attachments(&incoming.request);
        let mut usage = Outbox::new();
        let refusal = incoming.clone();
        let (mut invitation, description) = match Invitation::incoming(cx, incoming, contact, &mut usage) {
            Ok(taken) => taken,
            Err(error) => {
                let tag = cx.random.token(13);
                let reason = error.to_string();
                if let Ok(response) = refusal.plain(400, Some(&reason), &tag, &cx.config.user_agent) {
                    let transaction = refusal.transaction;
                    out.push(Output::Usage(crate::invitation::Output::Respond { transaction, response }));
                }
                session.state = SessionState::Terminated;
                return session;
            }
        };
        invitation.set_credentials(credentials);
        session.invitation = Some(invitation);
        session.with_invitation(cx, out, |_, _, outbox| std::mem::swap(outbox, &mut usage));
        session.negotiator = Some(super::start::negotiator(cx, local));
        let without_offer = !matches!(description, Some(Description::Offer(_)));
        if let Err(error) = session.take_initial_offer(cx, description, &parts, source) {
            session.refuse_unseen(cx, 488, Some(&error), out);
            return session;
        }
        if session.streams.is_empty() {
            session.refuse_unseen(cx, 488, None, out);
            return session;
        }
        session.enter(SessionState::Incoming, out);
        let streams = session.streams.iter().map(Line::id).collect();
        let has = |kind| session.streams.iter().any(|line| line.stream().kind() == kind);
        let (has_audio, has_chat) = (has("audio"), has("chat"));
        out.push(Output::Event(SessionEvent::NewIncoming {
            account,
            remote_identity,
            streams,
            without_offer,
            has_audio,
            has_chat,
            replaced,
        }));
        session
    }

    /// Makes a stream for each media line that we know. Without an offer the 200 will carry ours: of an audio stream, where nobody says otherwise.
    fn take_initial_offer(
        &mut self,
        cx: &Context<'_>,
        description: Option<Description>,
        parts: &[Part],
        source: &mut Source<'_>,
    ) -> Result<(), Disagreement> {
        let Some(Description::Offer(offer)) = description else {
            let audio = StreamSpec::Audio(AudioSpec::default());
            let stream = source.registry.create(cx.config, &self.info, &audio).map_err(|reason| reason.to_string())?;
            self.streams.push(Line::new(source.next_id(), stream));
            return Ok(());
        };
        let offer = sdp::Session::parse(&offer, &cx.config.limits).map_err(|error| error.to_string())?;
        let Some(negotiator) = &mut self.negotiator else { return Ok(()) };
        let proposal = negotiator.remote_offer(&offer).map_err(|error| error.to_string())?;
        for (slot, media) in proposal.slots.iter().enumerate() {
            if let Some(stream) = source.registry.recognize(cx.config, &self.info, media, parts) {
                self.streams.push(Line::at(source.next_id(), slot, stream));
            }
        }
        Ok(())
    }

    /// Refuses an INVITE that the application never hears of.
    fn refuse_unseen(&mut self, cx: &mut Context<'_>, code: u16, why: Option<&str>, out: &mut Outbox<Output>) {
        let headers: Vec<_> = why.map(warning).into_iter().collect();
        self.state = SessionState::Terminated;
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // The INVITE waits, and these can always be written.
            let _ = invitation.reject(cx, code, None, &headers, usage);
        });
    }

    /// Sends 180 Ringing: to the INVITE, or to the re-INVITE that proposes streams.
    ///
    /// # Errors
    /// In any state but `Incoming` and `ReceivedProposal`.
    pub fn send_ring_indication(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) -> Result<(), SessionError> {
        if self.state != SessionState::ReceivedProposal {
            self.require(SessionState::Incoming, "send_ring_indication")?;
        }
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // In these states an INVITE waits for an answer.
            let _ = invitation.provisional(cx, 180, None, usage);
        });
        Ok(())
    }

    /// Accepts with these of the proposed streams: they initialise, then the 200 goes out. `relay_password` is for the account's MSRP relay, where it is not the account's.
    ///
    /// # Errors
    /// In any state but `Incoming`, or when a stream is not one of those proposed, or none is named.
    pub fn accept(
        &mut self,
        cx: &mut Context<'_>,
        streams: &[StreamId],
        relay_password: Option<Secret>,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.require(SessionState::Incoming, "accept")?;
        check_chosen(streams, |stream| self.has_stream(stream))?;
        let refused = self.streams.extract_if(.., |stream| !streams.contains(&stream.id())).collect();
        self.leaving.extend(end_lines(&self.info, cx, refused, out));
        self.accept_lines(cx, relay_password, out);
        Ok(())
    }

    /// Accepts where the INVITE brought no offer, with an offer of these streams in place of the one that was told.
    ///
    /// # Errors
    /// As [`can_offer`](Self::can_offer).
    pub fn accept_offering(
        &mut self,
        cx: &mut Context<'_>,
        streams: Vec<Line>,
        relay_password: Option<Secret>,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.can_offer(&cx.config.limits, streams.len())?;
        let told = std::mem::replace(&mut self.streams, streams);
        self.leaving.extend(end_lines(&self.info, cx, told, out));
        self.accept_lines(cx, relay_password, out);
        Ok(())
    }

    /// Whether it can be accepted with an offer of so many streams.
    ///
    /// # Errors
    /// In any state but `Incoming`, when the peer has made an offer, without a stream, or with more than a description may have.
    pub fn can_offer(&self, limits: &Limits, streams: usize) -> Result<(), SessionError> {
        self.require(SessionState::Incoming, "accept_offering")?;
        if self.is_offered() {
            Err(SessionError::Offered)
        } else if streams == 0 {
            Err(SessionError::NoStreams)
        } else if streams > limits.sdp_media {
            Err(SessionError::TooManyStreams)
        } else {
            Ok(())
        }
    }

    /// Whether an offer of the peer waits for our answer.
    fn is_offered(&self) -> bool {
        self.negotiator.as_ref().is_some_and(|known| known.state() == negotiation::State::RemoteOffer)
    }

    /// Accepts with the streams there are.
    fn accept_lines(&mut self, cx: &mut Context<'_>, relay_password: Option<Secret>, out: &mut Outbox<Output>) {
        if let Some(password) = relay_password {
            let own = self.info.own_credentials.take();
            let user = || self.info.local_identity.uri.as_sip().and_then(|uri| uri.user.clone()).unwrap_or_default();
            let own = own.unwrap_or_else(|| Credentials::new(user(), ""));
            self.info.own_credentials = Some(Credentials { password, ..own });
        }
        self.enter(SessionState::Accepting, out);
        self.wait(cx, Wait::Initialize, Some(cx.config.limits.ask_time));
        // Who makes the offer proposes, whoever has called.
        let proposer = if self.is_offered() { Originator::Remote } else { Originator::Local };
        initialize_lines(&self.info, cx, &mut self.streams, proposer, out);
        self.follow_up(cx, out);
    }

    /// Rejects.
    ///
    /// # Errors
    /// In any state but `Incoming`, or when the code does not reject or the reason cannot be written.
    pub fn reject(
        &mut self,
        cx: &mut Context<'_>,
        code: u16,
        reason: Option<&str>,
        out: &mut Outbox<Output>,
    ) -> Result<(), SessionError> {
        self.require(SessionState::Incoming, "reject")?;
        check_rejection(code, reason)?;
        self.refuse(cx, code, reason, &[], out);
        Ok(())
    }

    /// Refuses the INVITE and waits for its ACK.
    pub(super) fn refuse(
        &mut self,
        cx: &mut Context<'_>,
        code: u16,
        reason: Option<&str>,
        headers: &[(HeaderName, Text)],
        out: &mut Outbox<Output>,
    ) {
        self.enter(SessionState::Terminating, out);
        self.rejection = Some((code, reason.unwrap_or_else(|| reason_phrase(code)).into()));
        self.wait(cx, Wait::End, Some(cx.config.end_timeout));
        self.end_streams(cx, out);
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // The INVITE waits, and the reason was checked.
            let _ = invitation.reject(cx, code, reason, headers, usage);
        });
    }

    /// The ACK of our refusal came, or nobody waits for it any more.
    pub(super) fn refusal_done(&mut self, cx: &mut Context<'_>, acknowledged: bool, out: &mut Outbox<Output>) {
        let Some((code, reason)) = self.rejection.take() else { return };
        let ack = if acknowledged { AckReceived::True } else { AckReceived::False };
        self.report(Originator::Remote, "INVITE", code, reason.clone(), Some(ack), out);
        let words = self.ending.take().map_or_else(|| "user request".into(), |ending| ending.reason);
        let cause = Cause::status(By::Local, code, reason);
        self.finish_failed(cx, Originator::Local, &words, Vec::new(), cause, out);
    }

    /// Every accepted stream is initialised: the 200 goes out.
    pub(super) fn send_answer(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        let description = match self.describe(cx) {
            Ok(description) => description,
            Err(error) => {
                let reason = format!("SDP negotiation failed: {error}");
                self.fail_with(cx, 488, &reason, out);
                return;
            }
        };
        self.wait(cx, Wait::Start, Some(cx.config.media_stream_timeout));
        self.with_invitation(cx, out, |invitation, cx, usage| {
            // The INVITE waits, and the description is ours.
            let _ = invitation.accept(cx, Some(&description), usage);
        });
        out.push(Output::Event(SessionEvent::WillStart));
        self.apply_agreement(cx, true, out);
        self.progress(cx, out);
    }

    /// The ACK of our 200, or of our answer to a re-INVITE, came.
    pub(super) fn acknowledged(
        &mut self,
        cx: &mut Context<'_>,
        awaited: bool,
        description: Option<Description>,
        out: &mut Outbox<Output>,
    ) {
        if !matches!(self.state, SessionState::Outgoing | SessionState::Accepting) && !self.state.is_established() {
            return;
        }
        if self.state == SessionState::Accepting && !self.acknowledged {
            self.acknowledged = true;
            self.report(Originator::Remote, "INVITE", 200, "OK".into(), Some(AckReceived::True), out);
        }
        if awaited {
            let answer = match description {
                Some(Description::Answer(answer)) => Some(answer),
                Some(Description::Offer(_) | Description::Preview(_)) | None => None,
            };
            // An answer in an ACK cannot be refused: the session ends (RFC 6337 section 3).
            let established = self.state.is_established();
            if let Err(error) = self.take_answer(cx, answer, established) {
                let reason = format!("SDP negotiation failed: {error}");
                self.fail(cx, &reason, out);
                return;
            }
            let removed = self.apply_agreement(cx, true, out);
            self.request_answered(out);
            self.tell_hold(out);
            self.tell_removed(Originator::Remote, removed, out);
        }
        self.progress(cx, out);
    }

    /// No ACK came for 64·T1; the BYE is on its way.
    pub(super) fn not_acknowledged(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        match self.state {
            SessionState::Accepting => {
                self.report(Originator::Remote, "INVITE", 200, "OK".into(), Some(AckReceived::False), out);
                let cause = Cause::status(By::Timeout, 200, "OK");
                self.finish_failed(cx, Originator::Local, "missing ACK", Vec::new(), cause, out);
            }
            SessionState::Connected
            | SessionState::ReceivedProposal
            | SessionState::ReceivedProposalRequest
            | SessionState::AcceptingProposal
            | SessionState::RejectingProposal
            | SessionState::SendingProposal
            | SessionState::CancellingProposal => {
                // A re-INVITE's.
                self.begin_ending(cx, Originator::Local, "missing ACK", out);
                self.wait(cx, Wait::End, Some(cx.config.end_timeout));
            }
            SessionState::Null
            | SessionState::Outgoing
            | SessionState::Incoming
            | SessionState::Terminating
            | SessionState::Terminated => {}
        }
    }

    /// No PRACK came for 64·T1; the INVITE was refused.
    pub(super) fn not_pracked(&mut self, cx: &mut Context<'_>, code: u16, out: &mut Outbox<Output>) {
        if !matches!(self.state, SessionState::Incoming | SessionState::Accepting) {
            return;
        }
        self.enter(SessionState::Terminating, out);
        self.rejection = Some((code, reason_phrase(code).into()));
        let reason = "missing PRACK".into();
        self.ending = Some(super::ending::Ending { originator: Originator::Local, reason, was_accepted: false });
        self.wait(cx, Wait::End, Some(cx.config.end_timeout));
        self.end_streams(cx, out);
    }

    /// The peer cancelled its INVITE before we answered, or ended the early dialog.
    pub(super) fn cancelled(&mut self, cx: &mut Context<'_>, reason: Option<Text>, out: &mut Outbox<Output>) {
        if matches!(self.state, SessionState::Incoming | SessionState::Accepting) {
            let (code, phrase) = (487, Text::from_static("Session Cancelled"));
            self.report(Originator::Remote, "INVITE", code, phrase.clone(), Some(AckReceived::Unknown), out);
            let words = reason.unwrap_or_else(|| "user request".into());
            let cause = Cause::status(By::Remote, code, phrase);
            self.finish_failed(cx, Originator::Remote, &words, Vec::new(), cause, out);
        }
    }

    pub(super) fn require(&self, state: SessionState, method: &'static str) -> Result<(), SessionError> {
        if self.state == state {
            Ok(())
        } else {
            Err(SessionError::IllegalState { method: Text::from_static(method), state: self.state })
        }
    }
}

/// Whether a request may be rejected so.
pub(super) fn check_rejection(code: u16, reason: Option<&str>) -> Result<(), SessionError> {
    if !(300..700).contains(&code) {
        return Err(SessionError::BadCode(code));
    }
    match reason.filter(|reason| reason.chars().any(char::is_control)) {
        Some(reason) => Err(SessionError::BadReason(reason.into())),
        None => Ok(()),
    }
}

/// A Warning header that says why we refuse a description (RFC 3261 section 20.43).
pub(super) fn warning(why: &str) -> (HeaderName, Text) {
    let unsafe_in_quotes = |c: char| c.is_control() || c == '"' || c == '\\';
    let text: String = why.chars().map(|c| if unsafe_in_quotes(c) { ' ' } else { c }).collect();
    (HeaderName::Warning, Text::from(format!("399 sipsimple \"{text}\"")))
}
