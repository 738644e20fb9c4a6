//! A call as a command knows it, by its events; and what is done with it.

use std::path::PathBuf;

use sipsimple_audio::engine::Recorded;
use sipsimple_core::agent::{Intent, Outcome};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{self, AudioSpec, Originator, StreamEvent, StreamSpec};
use sipsimple_core::time::Instant;
use sipsimple_drivers::{Application, ApplicationError, AudioError};

use crate::action::Action;
use crate::failure::Failure;
use crate::keypad::{DIGIT, Keypad};
use crate::output::Output;

/// One call.
#[derive(Debug)]
pub(crate) struct Known {
    pub(crate) id: SessionId,
    /// Whom it is with.
    pub(crate) remote: String,
    /// The streams that have started and not ended, and whether they are audio.
    streams: Vec<(StreamId, bool)>,
    /// What is proposed: at first, in a call that comes, everything.
    proposed: Proposed,
    /// Whether it waits for us to answer.
    pub(crate) rings: bool,
    /// Whom the other side asks us to call instead.
    transfer: Option<String>,
    /// The stream that is being recorded, since the last word of it.
    recording: Option<StreamId>,
    keypad: Keypad,
}

/// What is proposed in a call.
#[derive(Debug)]
pub(crate) enum Proposed {
    /// By the other side.
    ByThem(Vec<StreamId>),
    /// By us, in a call that came without an offer.
    ByUs(Vec<StreamSpec>),
}

impl Proposed {
    const fn none() -> Self {
        Self::ByThem(Vec::new())
    }

    /// Accepts a call that came with it.
    pub(crate) fn accept(&self, application: &Application, session: SessionId) -> Result<(), ApplicationError> {
        match self {
            Self::ByThem(streams) => application.accept(session, streams),
            Self::ByUs(streams) => application.accept_offering(session, streams),
        }
    }
}

impl Known {
    /// A call that we make.
    pub(crate) fn outgoing(id: SessionId, remote: impl Into<String>) -> Self {
        Self {
            id,
            remote: remote.into(),
            streams: Vec::new(),
            proposed: Proposed::none(),
            rings: false,
            transfer: None,
            recording: None,
            keypad: Keypad::default(),
        }
    }

    /// A call that comes with these streams.
    pub(crate) fn incoming(id: SessionId, remote: &str, proposed: Proposed) -> Self {
        Self { proposed, rings: true, ..Self::outgoing(id, remote) }
    }

    /// Its audio stream, once that has started.
    pub(crate) fn audio(&self) -> Option<StreamId> {
        self.streams.iter().find(|(_, is_audio)| *is_audio).map(|(stream, _)| *stream)
    }

    /// What the other side proposes: at first, when it calls, everything.
    pub(crate) fn proposed(&self) -> &[StreamId] {
        match &self.proposed {
            Proposed::ByThem(streams) => streams,
            Proposed::ByUs(_) => &[],
        }
    }

    /// Takes news of the session.
    pub(crate) fn session(&mut self, event: &SessionEvent) {
        match event {
            SessionEvent::DidStart { .. } => {
                self.rings = false;
                self.proposed = Proposed::none();
            }
            SessionEvent::GotProposal { originator: Originator::Remote, streams, .. } => {
                self.proposed = Proposed::ByThem(streams.clone());
            }
            SessionEvent::GotAcceptProposal { originator: Originator::Remote, .. }
            | SessionEvent::GotRejectProposal { originator: Originator::Remote, .. }
            | SessionEvent::HadProposalFailure { originator: Originator::Remote, .. } => {
                self.proposed = Proposed::none()
            }
            SessionEvent::TransferNewIncoming { target, .. } => self.transfer = Some(target.to_string()),
            SessionEvent::TransferDidStart | SessionEvent::TransferDidFail { .. } => self.transfer = None,
            SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => self.rings = false,
            _ => {}
        }
    }

    /// Whether the other side asks us to call somebody else instead.
    pub(crate) const fn asks_for_transfer(&self) -> bool {
        self.transfer.is_some()
    }

    /// Calls whom the other side asks us to call; that call.
    ///
    /// # Errors
    /// When it does not ask, or that cannot be called.
    pub(crate) fn follow(&mut self, application: &Application) -> Result<Self, Failure> {
        let target = self.transfer.take().ok_or_else(|| Failure::new("nobody asks for a transfer"))?;
        let streams = vec![StreamSpec::Audio(AudioSpec::default())];
        match application.intend(Intent::AcceptTransfer { session: self.id, routes: Vec::new(), streams })? {
            Outcome::Session(id) => Ok(Self::outgoing(id, target)),
            _ => Err(Failure::new("the application has stopped")),
        }
    }

    /// Takes news of one of its streams.
    pub(crate) fn stream(&mut self, id: StreamId, event: &StreamEvent) {
        match event {
            StreamEvent::DidStart { rtp } => self.streams.push((id, rtp.is_some())),
            StreamEvent::DidEnd | StreamEvent::DidFail { .. } => {
                self.streams.retain(|(stream, _)| *stream != id);
                self.recording = self.recording.filter(|stream| *stream != id);
            }
            _ => {}
        }
    }

    /// When the next key is to be pressed.
    pub(crate) const fn due(&self) -> Option<Instant> {
        self.keypad.due()
    }

    /// Presses these keys from this time on.
    pub(crate) fn press(&mut self, at: Instant, keys: &[char]) {
        self.keypad.press(at, keys);
    }

    /// Presses the key that is due.
    pub(crate) fn tick(&mut self, application: &Application, out: Output) -> Result<(), Failure> {
        let now = application.now();
        if let Some(key) = self.keypad.tick(now)
            && let Some(audio) = self.audio()
        {
            tolerate(application.send_dtmf(audio, key, DIGIT))?;
            out.at(now, format_args!("pressed {key}"));
        }
        Ok(())
    }

    /// Does something with it.
    ///
    /// # Errors
    /// When that cannot be done in its state, in words.
    pub(crate) fn act(&mut self, application: &Application, action: &Action) -> Result<(), Failure> {
        let session = self.id;
        let intend = |intent| application.intend(intent).map(drop).map_err(Failure::from);
        match action {
            Action::Hold => intend(Intent::Hold { session }),
            Action::Unhold => intend(Intent::Unhold { session }),
            Action::Add => {
                let streams = vec![StreamSpec::Audio(AudioSpec::default())];
                intend(Intent::AddStreams { session, streams })
            }
            Action::Remove => {
                let (last, _) = self.streams.last().ok_or_else(|| Failure::new("the call has no stream"))?;
                intend(Intent::RemoveStreams { session, streams: vec![*last] })
            }
            Action::Dtmf(keys) => {
                self.sounding()?;
                self.press(application.now(), &keys.0);
                Ok(())
            }
            Action::RestartIce => {
                let stream = self.sounding()?;
                intend(Intent::Stream { stream, command: stream::Command::RestartIce })
            }
            Action::Record(file) => self.record(application, file.clone()),
            Action::Accept if self.rings => Ok(self.proposed.accept(application, session)?),
            Action::Reject(code) if self.rings => Ok(application.reject(session, *code, None)?),
            Action::Reject(code) if self.asks_for_transfer() => intend(Intent::RejectTransfer { session, code: *code }),
            Action::Accept | Action::Reject(_) if self.proposed().is_empty() => {
                Err(Failure::new("nothing waits to be accepted or rejected"))
            }
            Action::Accept => intend(Intent::AcceptProposal { session, streams: self.proposed().to_vec() }),
            Action::Reject(code) => intend(Intent::RejectProposal { session, code: *code, reason: None }),
            Action::Transfer(target) => {
                intend(Intent::Transfer { session, target: target.as_str().into(), replaced: None })
            }
            // A call that ends just now needs no second end.
            Action::End => tolerate(application.end(session)),
        }
    }

    /// Its audio stream.
    fn sounding(&self) -> Result<StreamId, Failure> {
        self.audio().ok_or_else(|| Failure::new("the call has no audio"))
    }

    fn record(&mut self, application: &Application, file: Option<PathBuf>) -> Result<(), Failure> {
        if let Some(stream) = self.recording.take() {
            return Ok(application.stop_recording(stream)?);
        }
        let stream = self.sounding()?;
        let file = match file {
            Some(file) => file,
            None => application.recording_file(&self.remote)?,
        };
        match application.start_recording(stream, &file, Recorded::Conversation) {
            Err(AudioError::Wave(error)) => {
                return Err(Failure::new(format!("cannot record to {}: {error}", file.display())));
            }
            done => done?,
        }
        self.recording = Some(stream);
        Ok(())
    }
}

/// A call may end while something is done with it: what is refused then is no failure.
pub(crate) fn tolerate(done: Result<(), ApplicationError>) -> Result<(), Failure> {
    match done {
        Ok(()) | Err(ApplicationError::Intent(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}
