//! What a media stream is to the session that holds it (seed interface IMediaStream).

use std::any::Any;
use std::fmt::Debug;

use crate::id::ConnId;
use crate::limits::Limits;
use crate::negotiation::{Description, Proposed};
use crate::outbox::Outbox;
use crate::payload::mime::Entity;
use crate::sip::{Part, Text};
use crate::time::Instant;

use super::{Agreement, Command, Context, Input, Originator, Output, StreamError};

/// A media stream of a session, sans-IO (the seeds' IMediaStream).
///
/// # How a stream plugs in
///
/// 1. Implement this trait for the state machine of one stream, and [`StreamFactory`](super::StreamFactory) for what makes
///    one: from a [`StreamSpec`](super::StreamSpec) when this side proposes it, from a media line when the peer does.
/// 2. Give the factory to [`Agent::register_stream`](crate::agent::Agent::register_stream). Offers are shown to the
///    factories in the order of their priorities; the first that knows a line makes the stream.
/// 3. The session calls the methods below, in the order of the diagram. The stream answers by [`Output`]s: at once, or in
///    a later call. It must say [`Output::Initialized`] after `initialize`, [`Output::Started`] after `start`, and
///    [`Output::Ended`] after `end`, or [`Output::Failed`] at any time before `end`; a stream that says nothing for
///    `Limits::ask_time`, or `Config::media_stream_timeout`, fails. The notifications (`MediaStreamDidInitialize` and so
///    on) follow from that by themselves.
/// 4. The world is reached by outputs, too. A stream may have a media path of RTP ([`Output::Media`]), UDP sockets and
///    listeners ([`Output::Bind`]), connections ([`Output::Open`], [`Output::Write`], [`Output::Close`]), and a timer
///    ([`deadline`](Self::deadline)). What happens to them comes back by [`input`](Self::input). It names its sockets and
///    connections itself, by [`Context::socket`] and [`Context::conn`]: whoever sees such a name knows whose it is.
///    What it leaves open when it has ended is closed for it.
/// 5. What the application wants of it comes as a [`Command`], and what it has to tell goes out as
///    [`Output::Event`]: [`Command::Custom`] and [`StreamEvent::Custom`](super::StreamEvent::Custom) carry whatever a
///    stream of an application's own makes of them. Commands are intents, so runs with such streams replay, too.
///
/// ```text
///            initialize              start                            deactivate, end
///   (made) ────────────► Initialized ─────► Started ─┬────────────────────────────────► (dropped after Ended)
///                          │   ▲              ▲ │    │
///              local_media └───┘   update,    └─┘    │ at any time after initialize: hold, unhold, input, timeout, command
///                                  validate_update,  │
///                                  local_media, reset┘
/// ```
///
/// `examples` of a stream of an application's own stand in the tests of the `testsuite` crate (`custom_stream`).
pub trait MediaStream: Any + Debug + Send {
    /// What kind of stream it is: `audio`, `chat` … (attribute `type` of the seeds).
    fn kind(&self) -> &'static str;

    /// Whether it can be put on hold.
    fn hold_supported(&self) -> bool {
        false
    }

    /// Whether this side has put it on hold.
    fn on_hold_by_local(&self) -> bool {
        false
    }

    /// Whether the peer has put it on hold.
    fn on_hold_by_remote(&self) -> bool {
        false
    }

    /// Whether either side has put it on hold.
    fn on_hold(&self) -> bool {
        self.on_hold_by_local() || self.on_hold_by_remote()
    }

    /// It is about to be offered, or its offer was accepted: binds what its media line must name. `proposer` is the side whose offer it came with.
    fn initialize(&mut self, cx: &mut Context<'_>, proposer: Originator, out: &mut Outbox<Output>);

    /// A line of the peer's offer is to be its, in a session that was begun without an offer of ours. It is of its kind, and `initialize` comes next. False: the
    /// stream that the factory makes of the line takes its place.
    ///
    /// # Errors
    /// Why it cannot use the line, in words: the line is refused.
    fn offered(&mut self, _offered: &Proposed<'_>) -> Result<bool, Text> {
        Ok(false)
    }

    /// Its media line (`get_local_media`): of an offer, or of the answer to what the peer says. A line with port 0 refuses the peer's.
    fn local_media(&mut self, cx: &mut Context<'_>, offered: Option<&Proposed<'_>>) -> Description;

    /// What its media line refers to and goes along with the offer, each part with a Content-ID (RFC 2392).
    fn attached(&self) -> Vec<Entity> {
        Vec::new()
    }

    /// What came along with the peer's offer of it: those parts that have a Content-ID. Called once, before anything else.
    fn attach(&mut self, _limits: &Limits, _parts: &[Part]) {}

    /// It is agreed on: media may flow.
    fn start(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>);

    /// Whether it could go on with what the peer offers now. Nothing changes yet.
    ///
    /// # Errors
    /// Why not, in words: the whole offer is refused with 488.
    fn validate_update(&self, _offered: &Proposed<'_>) -> Result<(), Text> {
        Ok(())
    }

    /// Something was agreed on once more, perhaps the same.
    fn update(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>);

    /// Put on hold by this side: media stops at once, and its line says so from now on.
    fn hold(&mut self, _cx: &mut Context<'_>, _out: &mut Outbox<Output>) {}

    /// Taken off hold by this side.
    fn unhold(&mut self, _cx: &mut Context<'_>, _out: &mut Outbox<Output>) {}

    /// Whether its line has changed by itself since it was last described, so that the peer is to be sent an offer of it.
    fn wants_offer(&self) -> bool {
        false
    }

    /// Whether it has done what it was for: in the next offer its line has port 0, and it ends with the answer. Nothing is offered for that alone.
    fn is_done(&self) -> bool {
        false
    }

    /// Its line is about to be offered from scratch, since the peer asked for an offer: what was agreed on before does not bind it.
    fn reset(&mut self, _cx: &mut Context<'_>) {}

    /// It is about to be removed: that the peer closes its transport now is no failure.
    fn deactivate(&mut self, _cx: &mut Context<'_>) {}

    /// It is dropped without ever having been initialised: only the fate of what it was given is to be told.
    fn abandon(&mut self, _cx: &mut Context<'_>, _out: &mut Outbox<Output>) {}

    /// Ends it. Called once, and always after `initialize`, also when it has failed.
    fn end(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>);

    /// Something happened to what it has in the world.
    fn input(&mut self, cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>);

    /// The application wants something of it.
    ///
    /// # Errors
    /// When it does not know this command, or cannot do it now: nothing changed.
    fn command(
        &mut self,
        cx: &mut Context<'_>,
        _command: &Command,
        _out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        Err(StreamError::Unsupported(cx.stream))
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Works off the deadlines that have come.
    fn timeout(&mut self, _cx: &mut Context<'_>, _out: &mut Outbox<Output>) {}

    /// How many more bytes this connection of its own may be fed now; 0 stops reading until [`Output::Resume`].
    fn read_budget(&self, _conn: ConnId) -> usize {
        READ_BUDGET
    }
}

/// What a connection of a stream may be fed at once, unless the stream says otherwise.
const READ_BUDGET: usize = 128 * 1024;
