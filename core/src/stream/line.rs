//! A stream with its place in a session: the order of calls and of notifications.
//!
//! ```text
//!  Null ──initialize──► Initializing ──Initialized──► Initialized ──start──► Starting ──Started──► Started
//!    │                      │                             │                     │                    │
//!    │                      └────────────── end, or Failed┴─────────────────────┴────────────────────┘
//!    │ end                                     │
//!    ▼                                         ▼
//!  Ended ◄─────────────── Ended ──────────── Ending
//! ```

use crate::id::{ConnId, StreamId};
use crate::negotiation::{LocalAnswer, LocalMedia, Proposed};
use crate::outbox::Outbox;
use crate::sip::Text;
use crate::time::Instant;

use super::{Agreement, Command, Context, Input, MediaStream, Originator, Output, StreamError, StreamEvent};

/// How far a stream is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Null,
    Initializing,
    Initialized,
    Starting,
    Started,
    Ending { failed: bool },
    Ended,
}

/// Why a stream has failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// In words.
    pub reason: Text,
    /// Whether there was no room for it: later there may be.
    pub for_now: bool,
}

/// A stream with its place in a session. What the stream says goes on to the queue that comes with each call: but what it
/// says of its own progress becomes the notifications of the seeds, each of which comes once and in order.
#[derive(Debug)]
pub struct Line {
    id: StreamId,
    /// Its media line, counted from 0.
    slot: Option<usize>,
    state: State,
    failure: Option<Failure>,
    /// Whether our last description says that we hold it, and what the peer knows of that.
    describes_hold: bool,
    said_hold: bool,
    stream: Box<dyn MediaStream>,
    /// What the stream says in a call: empty between calls.
    said: Outbox<Output>,
}

impl Line {
    /// A stream that has no place yet.
    #[must_use]
    pub fn new(id: StreamId, stream: Box<dyn MediaStream>) -> Self {
        Self {
            id,
            slot: None,
            state: State::Null,
            failure: None,
            describes_hold: false,
            said_hold: false,
            stream,
            said: Outbox::new(),
        }
    }

    /// A stream for this media line of the peer's offer.
    #[must_use]
    pub fn at(id: StreamId, slot: usize, stream: Box<dyn MediaStream>) -> Self {
        Self { slot: Some(slot), ..Self::new(id, stream) }
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> StreamId {
        self.id
    }

    /// Its media line, counted from 0, once it has one.
    #[must_use]
    pub const fn slot(&self) -> Option<usize> {
        self.slot
    }

    /// It has no media line any more.
    pub const fn clear_slot(&mut self) {
        self.slot = None;
    }

    /// From now on this is its media line.
    pub const fn set_slot(&mut self, slot: usize) {
        self.slot = Some(slot);
    }

    /// The stream itself.
    #[must_use]
    pub fn stream(&self) -> &dyn MediaStream {
        &*self.stream
    }

    /// Whether its media line is known, and it has not ended.
    #[must_use]
    pub const fn is_initialized(&self) -> bool {
        matches!(self.state, State::Initialized | State::Starting | State::Started)
    }

    /// Whether media can flow.
    #[must_use]
    pub const fn is_started(&self) -> bool {
        matches!(self.state, State::Started)
    }

    /// Whether nothing more comes from it.
    #[must_use]
    pub const fn is_ended(&self) -> bool {
        matches!(self.state, State::Ended)
    }

    /// Whether it has failed, or was told to end.
    #[must_use]
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Ending { .. } | State::Ended)
    }

    /// Whether it has failed, and nobody has taken note of that.
    #[must_use]
    pub const fn has_failed(&self) -> bool {
        self.failure.is_some()
    }

    /// Why it has failed, if it has, once.
    pub fn take_failure(&mut self) -> Option<Failure> {
        self.failure.take()
    }

    /// See [`MediaStream::initialize`].
    pub fn initialize(&mut self, cx: &mut Context<'_>, proposer: Originator, out: &mut Outbox<Output>) {
        if self.state == State::Null {
            self.state = State::Initializing;
            self.call(cx, out, |stream, cx, said| stream.initialize(cx, proposer, said));
        }
    }

    /// A line of the peer's offer that is of its kind, in a session that was begun without an offer of ours: `made` is what its factory makes of it. False when it
    /// cannot use the line.
    pub fn offered(
        &mut self,
        cx: &mut Context<'_>,
        offered: &Proposed<'_>,
        made: Box<dyn MediaStream>,
        out: &mut Outbox<Output>,
    ) -> bool {
        if self.state != State::Null {
            return self.stream.validate_update(offered).is_ok();
        }
        match self.stream.offered(offered) {
            Ok(true) => {}
            Ok(false) => {
                let on_hold = self.stream.on_hold_by_local();
                self.stream = made;
                self.set_hold(cx, on_hold, out);
            }
            Err(_) => return false,
        }
        true
    }

    /// Its media line in an offer.
    pub fn offer(&mut self, cx: &mut Context<'_>) -> LocalMedia {
        let description = self.stream.local_media(cx, None);
        self.describes_hold = self.stream.on_hold_by_local();
        match self.slot {
            Some(slot) => LocalMedia::At(slot, description),
            None => LocalMedia::New(description),
        }
    }

    /// Its media line in an answer.
    pub fn answer(&mut self, cx: &mut Context<'_>, slot: usize, offered: &Proposed<'_>) -> LocalAnswer {
        self.describes_hold = self.stream.on_hold_by_local();
        LocalAnswer::Accept(slot, self.stream.local_media(cx, Some(offered)))
    }

    /// Something was agreed on: it starts, or goes on with it. False when it cannot.
    pub fn agreed(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) -> bool {
        if !agreement.is_usable() {
            return false;
        }
        self.said_hold = self.describes_hold;
        match self.state {
            State::Initialized => {
                self.state = State::Starting;
                self.call(cx, out, |stream, cx, said| stream.start(cx, agreement, said));
            }
            State::Starting | State::Started => {
                self.call(cx, out, |stream, cx, said| stream.update(cx, agreement, said));
            }
            State::Null | State::Initializing | State::Ending { .. } | State::Ended => {}
        }
        matches!(self.state, State::Starting | State::Started)
    }

    /// See [`MediaStream::hold`] and [`MediaStream::unhold`].
    pub fn set_hold(&mut self, cx: &mut Context<'_>, on_hold: bool, out: &mut Outbox<Output>) {
        if self.is_over() || !self.stream.hold_supported() || self.stream.on_hold_by_local() == on_hold {
            return;
        }
        self.call(cx, out, |stream, cx, said| if on_hold { stream.hold(cx, said) } else { stream.unhold(cx, said) });
    }

    /// Whether the peer was told that we hold it.
    #[must_use]
    pub const fn said_hold(&self) -> bool {
        self.said_hold
    }

    /// Whether the peer is yet to be told whether we hold it.
    #[must_use]
    pub fn hold_unsaid(&self) -> bool {
        !self.is_over() && self.stream.hold_supported() && self.said_hold != self.stream.on_hold_by_local()
    }

    /// The peer does not listen to that: it counts as told.
    pub fn give_up_saying_hold(&mut self) {
        self.said_hold = self.stream.on_hold_by_local();
    }

    /// See [`MediaStream::reset`].
    pub fn reset(&mut self, cx: &mut Context<'_>) {
        self.stream.reset(cx);
    }

    /// See [`MediaStream::deactivate`].
    pub fn deactivate(&mut self, cx: &mut Context<'_>) {
        if !self.is_over() {
            self.stream.deactivate(cx);
        }
    }

    /// Ends; a stream that never was initialised has nothing to end but what it was given.
    pub fn end(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        match self.state {
            State::Null => {
                self.call(cx, out, |stream, cx, said| stream.abandon(cx, said));
                self.state = State::Ended;
            }
            State::Initializing | State::Initialized | State::Starting | State::Started => {
                self.state = State::Ending { failed: false };
                out.push(Output::Event(StreamEvent::WillEnd));
                self.call(cx, out, |stream, cx, said| stream.end(cx, said));
            }
            State::Ending { .. } | State::Ended => {}
        }
    }

    /// Its media stops, and it ends.
    pub fn leave(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.deactivate(cx);
        self.end(cx, out);
    }

    /// See [`MediaStream::input`].
    pub fn input(&mut self, cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>) {
        if self.state != State::Ended {
            self.call(cx, out, |stream, cx, said| stream.input(cx, input, said));
        }
    }

    /// See [`MediaStream::command`].
    ///
    /// # Errors
    /// When the stream has ended, or refuses it.
    pub fn command(
        &mut self,
        cx: &mut Context<'_>,
        command: &Command,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        if self.is_over() {
            return Err(StreamError::Unknown(self.id));
        }
        self.call(cx, out, |stream, cx, said| stream.command(cx, command, said))
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        if self.state == State::Ended { None } else { self.stream.deadline() }
    }

    /// Works off the deadlines that have come.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.deadline().is_some_and(|at| at <= cx.now) {
            self.call(cx, out, |stream, cx, said| stream.timeout(cx, said));
        }
    }

    /// How many more bytes this connection of the stream may be fed now.
    #[must_use]
    pub fn read_budget(&self, conn: ConnId) -> usize {
        if self.state == State::Ended { 0 } else { self.stream.read_budget(conn) }
    }

    /// Calls the stream, and passes on what it says.
    fn call<T>(
        &mut self,
        cx: &mut Context<'_>,
        out: &mut Outbox<Output>,
        act: impl FnOnce(&mut dyn MediaStream, &mut Context<'_>, &mut Outbox<Output>) -> T,
    ) -> T {
        let mut said = std::mem::take(&mut self.said);
        let result = act(&mut *self.stream, cx, &mut said);
        while let Some(output) = said.pop() {
            self.said(cx, output, &mut said, out);
        }
        self.said = said;
        result
    }

    /// The stream said something: of its progress only what is true and new is believed, and what has ended tells no more.
    fn said(&mut self, cx: &mut Context<'_>, output: Output, said: &mut Outbox<Output>, out: &mut Outbox<Output>) {
        match output {
            Output::Initialized => {
                if self.state == State::Initializing {
                    self.state = State::Initialized;
                    out.push(Output::Event(StreamEvent::DidInitialize));
                }
            }
            Output::Started(rtp) => {
                if self.state == State::Starting {
                    self.state = State::Started;
                    out.push(Output::Event(StreamEvent::DidStart { rtp }));
                }
            }
            Output::Failed { reason, for_now } => {
                let live = !matches!(self.state, State::Null | State::Ending { .. } | State::Ended);
                if live {
                    let for_now = for_now && self.state == State::Initializing;
                    self.state = State::Ending { failed: true };
                    self.failure = Some(Failure { reason: reason.clone(), for_now });
                    let mut last = Outbox::new();
                    self.stream.end(cx, &mut last);
                    // Nothing is told of it after its failure.
                    while let Some(output) = last.pop() {
                        let fate = matches!(&output, Output::Event(event) if event.is_of_fate());
                        if fate { out.push(output) } else { said.push(output) }
                    }
                    out.push(Output::Event(StreamEvent::DidFail { reason }));
                }
            }
            Output::Ended => {
                if let State::Ending { failed } = self.state {
                    self.state = State::Ended;
                    if !failed {
                        out.push(Output::Event(StreamEvent::DidEnd));
                    }
                }
            }
            Output::Event(event) => {
                let fate = event.is_of_fate() && self.state != State::Ended;
                if self.is_started() || fate || (event.is_of_start() && !self.is_over()) {
                    out.push(Output::Event(event));
                }
            }
            other @ (Output::Media(_)
            | Output::Bind { .. }
            | Output::Unbind { .. }
            | Output::Send { .. }
            | Output::Open { .. }
            | Output::Write { .. }
            | Output::Close { .. }
            | Output::Locate(_)
            | Output::Msrp(_)
            | Output::MsrpHold(_)
            | Output::Ask { .. }
            | Output::Resume(_)) => out.push(other),
        }
    }
}
