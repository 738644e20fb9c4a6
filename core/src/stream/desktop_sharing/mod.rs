//! Desktop sharing (seed class DesktopSharingStream): the bytes of RFB, the protocol of VNC, in MSRP messages.
//!
//! ```text
//!  handler ── bytes ──► one message under way at a time ──► peer
//!  handler ◄── bytes ── messages in their order ◄────────── peer
//! ```
//!
//! A handler within the application, one of its own making too, takes bytes as events and gives them as commands, with credit in both directions.
//! The attribute `rfbsetup` says who views: `active` is the viewer, `passive` the server. An external viewer connects to a listener of
//! the stream, and to an external server the stream connects: the bytes go between that connection and MSRP, each side read only as
//! fast as the other takes them.

mod event;
#[cfg(test)]
mod tests;

use bytes::{Bytes, BytesMut};

pub use event::{
    DesktopSharingCommand, DesktopSharingEvent, DesktopSharingHandler, DesktopSharingSpec, HandlerContext,
};

use crate::config::Config;
use crate::id::{ConnId, SocketId};
use crate::msrp::{self, ByteRange, Chunk, Content, Wish};
use crate::negotiation::Proposed;
use crate::outbox::Outbox;
use crate::sdp::{Attribute, Direction};
use crate::sip::Text;
use crate::time::Instant;
use crate::transport::{CloseCause, CloseHow, Port, Security, SocketKind};

use super::msrp::{Base, Fate, MsrpProfile, MsrpStream, Offered};
use super::{
    Agreement, Command, Context, Input, MediaStream, Output, Recognized, SessionInfo, StreamError, StreamEvent,
    StreamFactory, StreamSpec,
};

/// The type of the bytes of RFB.
const RFB: &str = "application/x-rfb";
/// The number of the listener for a viewer, and of the connection to a server, among those of the stream.
const EXTERNAL: u8 = 250;
/// Bytes of one message.
const MESSAGE: usize = 64 * 1024;
/// Bytes that wait, in either direction, before their source is not read any longer.
const WAITING: usize = 256 * 1024;

/// A desktop sharing stream.
#[derive(Debug)]
pub struct DesktopSharingStream {
    base: Base,
    handler: DesktopSharingHandler,
    /// Bytes for the peer, and whether a message of them is under way.
    outgoing: BytesMut,
    sending: bool,
    full: bool,
    attached: bool,
    external: External,
    /// Bytes that an internal handler was given and has not worked off.
    untaken: u64,
}

/// The connection with an external handler.
#[derive(Debug, Default)]
struct External {
    conn: Option<ConnId>,
    open: bool,
    /// Bytes for it that came before it was open.
    early: BytesMut,
    /// Bytes written to it that the system has not taken.
    unwritten: usize,
    /// Whether it is not read.
    paused: bool,
    /// Until then it must be open.
    until: Option<Instant>,
}

/// Makes desktop sharing streams.
#[derive(Clone, Copy, Debug)]
pub struct DesktopSharingFactory;

impl DesktopSharingStream {
    /// How desktop sharing presents itself.
    pub const PROFILE: MsrpProfile = MsrpProfile {
        media_type: "application",
        accept_types: &[RFB],
        accept_wrapped_types: &[],
        use_msrp_session: false,
    };

    fn new(handler: DesktopSharingHandler, offered: Option<Offered>) -> Self {
        Self {
            base: Base::new(Self::PROFILE, Direction::SendRecv, offered),
            handler,
            outgoing: BytesMut::new(),
            sending: false,
            full: false,
            attached: false,
            external: External::default(),
            untaken: 0,
        }
    }

    /// What makes and takes the bytes (attribute `handler`).
    #[must_use]
    pub const fn handler(&self) -> &DesktopSharingHandler {
        &self.handler
    }

    /// The handler is initialised, once the stream has started.
    fn attach(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        if !self.base.is_started() || std::mem::replace(&mut self.attached, true) {
            return;
        }
        match &self.handler {
            DesktopSharingHandler::InternalViewer | DesktopSharingHandler::InternalServer => {}
            DesktopSharingHandler::ExternalViewer { address, connect_timeout } => {
                let port = if address.port() == 0 { Port::Random } else { Port::Fixed(address.port()) };
                let (socket, kind) = (cx.socket(EXTERNAL), SocketKind::Listen(Security::Plain));
                out.push(Output::Bind { socket, kind, addr: address.ip(), port });
                self.external.until = Some(cx.now + *connect_timeout);
            }
            DesktopSharingHandler::ExternalServer { address, connect_timeout } => {
                let conn = cx.conn(EXTERNAL);
                out.push(Output::Open { conn, to: *address, security: Security::Plain });
                self.external.conn = Some(conn);
                self.external.until = Some(cx.now + *connect_timeout);
            }
        }
    }

    /// Sends what waits, one message after the other: their order is that of the bytes.
    fn pump(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.sending || self.outgoing.is_empty() || !self.base.is_started() {
            return;
        }
        let content = self.outgoing.split_to(self.outgoing.len().min(MESSAGE)).freeze();
        let (id, rfb) = (cx.random.token(16).into(), Text::from_static(RFB));
        let message = self.base.message(id, rfb, Content::Bytes(content));
        let mut events = Vec::new();
        self.sending = true;
        if self.base.send(cx, message, out, &mut events).is_err() {
            self.sending = false;
        }
        self.tell(cx, events, out);
    }

    /// Bytes came from the peer.
    fn received(&mut self, data: Bytes, out: &mut Outbox<Output>) {
        if matches!(self.handler, DesktopSharingHandler::InternalViewer | DesktopSharingHandler::InternalServer) {
            self.untaken += data.len() as u64;
            if self.untaken > WAITING as u64 {
                self.base.hold(true, out);
            }
            return tell(DesktopSharingEvent::GotData { data }, out);
        }
        match self.external.conn.filter(|_| self.external.open) {
            Some(conn) => {
                self.external.unwritten += data.len();
                out.push(Output::Write { conn, data });
            }
            None => self.external.early.extend_from_slice(&data),
        }
        if self.external.unwritten + self.external.early.len() > WAITING {
            self.base.hold(true, out);
        }
    }

    /// There is room for bytes to the peer again.
    fn relieve(&mut self, out: &mut Outbox<Output>) {
        if self.outgoing.len() > WAITING / 2 {
            return;
        }
        if std::mem::take(&mut self.full) {
            tell(DesktopSharingEvent::Writable, out);
        }
        if let Some(conn) = self.external.conn
            && std::mem::take(&mut self.external.paused)
        {
            out.push(Output::Resume(conn));
        }
    }

    fn is_external(&self, cx: &Context<'_>, conn: ConnId) -> bool {
        self.external.conn == Some(conn) || conn == cx.conn(EXTERNAL)
    }

    /// Something happened to the connection with the external handler.
    fn external(&mut self, cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>) {
        match input {
            Input::Bound { local, .. } => tell(DesktopSharingEvent::Listening { address: local }, out),
            Input::Unbound { cause: Some(cause), .. } => {
                fail(HandlerContext::Connecting, cause, out);
            }
            Input::Accepted { conn, .. } if self.external.conn.is_none() => {
                self.external.conn = Some(conn);
                // There is one viewer only.
                out.push(Output::Unbind { socket: cx.socket(EXTERNAL) });
            }
            Input::Accepted { conn, .. } => out.push(Output::Close { conn, how: CloseHow::Abort }),
            Input::Opened { conn, .. } => {
                self.external.open = true;
                self.external.until = None;
                let early = self.external.early.split().freeze();
                if !early.is_empty() {
                    self.external.unwritten += early.len();
                    out.push(Output::Write { conn, data: early });
                }
            }
            Input::Data { data, .. } => {
                self.outgoing.extend_from_slice(&data);
                self.external.paused = self.outgoing.len() > WAITING;
                self.pump(cx, out);
            }
            Input::Drained { bytes, .. } => {
                self.external.unwritten = self.external.unwritten.saturating_sub(bytes);
                if self.external.unwritten <= WAITING / 2 {
                    self.base.hold(false, out);
                }
            }
            Input::Closed { cause, .. } => {
                let context = if self.external.open { HandlerContext::Reading } else { HandlerContext::Connecting };
                self.external.conn = None;
                fail(context, cause, out);
            }
            Input::Unbound { .. }
            | Input::Media(_)
            | Input::Datagram { .. }
            | Input::Msrp(_)
            | Input::MsrpListening(_)
            | Input::Located(_)
            | Input::Answer { .. } => {}
        }
    }
}

fn tell(event: DesktopSharingEvent, out: &mut Outbox<Output>) {
    out.push(Output::Event(StreamEvent::DesktopSharing(event)));
}

/// The handler has failed, and the stream with it.
fn fail(context: HandlerContext, failure: CloseCause, out: &mut Outbox<Output>) {
    let reason = Text::from(failure.to_string());
    tell(DesktopSharingEvent::HandlerDidFail { context, failure, reason: reason.clone() }, out);
    out.push(Output::Failed { reason, for_now: false });
}

/// Whether something is of the listener for a viewer.
fn of_socket(cx: &Context<'_>, socket: SocketId) -> bool {
    socket == cx.socket(EXTERNAL)
}

impl MsrpStream for DesktopSharingStream {
    const KIND: &'static str = "desktop-sharing";

    fn base(&self) -> &Base {
        &self.base
    }

    fn base_mut(&mut self) -> &mut Base {
        &mut self.base
    }

    fn attributes(&self) -> Vec<Attribute> {
        let setup = if self.handler.is_viewer() { "active" } else { "passive" };
        vec![Attribute::new("rfbsetup", setup)]
    }

    fn agreed(&mut self, _agreement: &Agreement<'_>, _remote: Offered) {}

    fn go_on(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.attach(cx, out);
        self.pump(cx, out);
    }

    fn message(
        &mut self,
        cx: &mut Context<'_>,
        wish: &Wish,
        _content_type: &Text,
        content: Bytes,
        out: &mut Outbox<Output>,
    ) {
        let len = content.len() as u64;
        self.base.report(cx, wish, ByteRange::first(len, Some(len)), 200, out);
        self.received(content, out);
    }

    fn sent(&mut self, cx: &mut Context<'_>, _id: Text, _chunk: Chunk, out: &mut Outbox<Output>) {
        self.sending = false;
        self.pump(cx, out);
        self.relieve(out);
    }

    fn not_delivered(&mut self, fate: Fate, out: &mut Outbox<Output>) {
        if !self.base.is_leaving() {
            self.sending = false;
            fail(HandlerContext::Sending, CloseCause::Other(fate.reason), out);
        }
    }

    fn outside(&mut self, cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>) -> Option<Input> {
        let external = match &input {
            Input::Bound { socket, .. } | Input::Unbound { socket, .. } => of_socket(cx, *socket),
            Input::Accepted { on, .. } => of_socket(cx, *on),
            Input::Opened { conn, .. }
            | Input::Data { conn, .. }
            | Input::Drained { conn, .. }
            | Input::Closed { conn, .. } => self.is_external(cx, *conn),
            Input::Media(_)
            | Input::Datagram { .. }
            | Input::Msrp(_)
            | Input::MsrpListening(_)
            | Input::Located(_)
            | Input::Answer { .. } => false,
        };
        if !external {
            return Some(input);
        }
        self.external(cx, input, out);
        None
    }

    fn wanted(&mut self, cx: &mut Context<'_>, command: &Command, out: &mut Outbox<Output>) -> Result<(), StreamError> {
        let refused = |reason| Err(StreamError::Refused(Text::from_static(reason)));
        let Command::DesktopSharing(command) = command else { return Err(StreamError::Unsupported(cx.stream)) };
        match command {
            DesktopSharingCommand::SetHandler(handler) => {
                if self.base.is_agreed() {
                    return refused("the stream has started");
                }
                if handler.is_viewer() != self.handler.is_viewer() {
                    return refused("a viewer takes the place of a viewer, a server of a server");
                }
                self.handler = handler.clone();
            }
            DesktopSharingCommand::Send(_) | DesktopSharingCommand::Taken(_) | DesktopSharingCommand::Fail { .. }
                if !matches!(
                    self.handler,
                    DesktopSharingHandler::InternalViewer | DesktopSharingHandler::InternalServer
                ) =>
            {
                return refused("the handler is no internal one");
            }
            DesktopSharingCommand::Taken(bytes) => {
                self.untaken = self.untaken.saturating_sub(*bytes);
                if self.untaken <= WAITING as u64 / 2 {
                    self.base.hold(false, out);
                }
            }
            DesktopSharingCommand::Fail { context, reason } => {
                fail(*context, CloseCause::Other(reason.clone()), out);
            }
            DesktopSharingCommand::Send(data) => {
                if self.outgoing.len() > WAITING {
                    self.full = true;
                    return Err(StreamError::Full(cx.stream));
                }
                self.outgoing.extend_from_slice(data);
                self.pump(cx, out);
            }
        }
        Ok(())
    }

    fn leave(&mut self, _cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if let Some(conn) = self.external.conn {
            out.push(Output::Close { conn, how: CloseHow::Flush });
        }
    }

    fn due(&self) -> Option<Instant> {
        self.external.until
    }

    fn late(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.external.until.take_if(|until| *until <= cx.now).is_some() {
            fail(HandlerContext::Connecting, CloseCause::TimedOut, out);
        }
    }

    fn outside_budget(&self, conn: ConnId) -> Option<usize> {
        let budget = if self.external.paused { 0 } else { MESSAGE };
        (self.external.conn == Some(conn)).then_some(budget)
    }
}

impl StreamFactory for DesktopSharingFactory {
    fn kind(&self) -> &'static str {
        "desktop-sharing"
    }

    fn create(
        &self,
        _config: &Config,
        _session: &SessionInfo,
        spec: &StreamSpec,
    ) -> Result<Box<dyn MediaStream>, Text> {
        let StreamSpec::DesktopSharing(spec) = spec else { return Err("it shares no desktop".into()) };
        Ok(Box::new(DesktopSharingStream::new(spec.handler.clone(), None)))
    }

    fn recognize(&self, _config: &Config, session: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        let media = &offered.media;
        if !media.media_type().eq_ignore_ascii_case("application") || !Offered::is_msrp(media) {
            return Recognized::Unknown;
        }
        let types = media.attribute("accept-types").flatten().unwrap_or_default();
        let types: Vec<Text> = types.split_ascii_whitespace().map(Text::from).collect();
        if !msrp::accepts(&types, RFB) {
            return Recognized::Unknown;
        }
        let read = match Offered::recognize(session, media) {
            Ok(read) => read,
            Err(reason) => return Recognized::Invalid(reason),
        };
        // Whoever offers to view is viewed.
        let handler = match media.attribute("rfbsetup").flatten() {
            None | Some("active") => DesktopSharingHandler::InternalServer,
            Some("passive") => DesktopSharingHandler::InternalViewer,
            Some(_) => return Recognized::Invalid("its rfbsetup is not understood".into()),
        };
        Recognized::Stream(Box::new(DesktopSharingStream::new(handler, Some(read))))
    }
}
