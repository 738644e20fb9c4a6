//! Text as it is typed: a media stream of an application's own, as small as one can be.
//!
//! It is a toy in the manner of T.140: each character goes out at once, in a datagram of its own, between two UDP sockets
//! that the stream's media line names (`m=text 49152 udp t140`). Nothing is repeated, so on a bad network letters are lost.
//!
//! What a stream needs to be is all here: a factory, which makes a stream of a specification or of the peer's media line;
//! a socket, which it binds when it is initialised and closes when it ends; a description; a command ([`TYPE`]) and
//! news ([`TYPED`]). See [`MediaStream`] for the order in which it is called.
//!
//! ```
//! use std::sync::Arc;
//! use sipsimple_core::agent::{Agent, Config};
//! use sipsimple_core::random::Seed;
//! use sipsimple_core::time::{Instant, Utc};
//! use sipsimple_testsuite::text::{self, TextFactory};
//!
//! let mut agent = Agent::new(Config::default(), Seed::from_u64(1), Instant::ZERO, Utc::default()).unwrap();
//! agent.register_stream(Arc::new(TextFactory));
//! assert!(agent.streams().get(text::KIND).is_some());
//! // From now on `text::spec()` can be proposed, and offers of text come as streams: see `tests/custom_stream.rs`.
//! ```

use std::net::SocketAddr;

use bytes::Bytes;
use sipsimple_core::config::Config;
use sipsimple_core::id::StreamId;
use sipsimple_core::negotiation::{Description, Formats, Proposed};
use sipsimple_core::outbox::Outbox;
use sipsimple_core::sip::Text;
use sipsimple_core::stream::{
    Agreement, Command, Context, Input, MediaStream, Originator, Output, Recognized, SessionInfo, StreamError,
    StreamEvent, StreamFactory, StreamSpec,
};
use sipsimple_core::transport::{Port, SocketKind};

/// The kind of these streams.
pub const KIND: &str = "text";
/// The command that types a text.
pub const TYPE: &str = "type";
/// The news that the peer has typed something.
pub const TYPED: &str = "typed";

/// The number of the only socket of a stream.
const SOCKET: u8 = 0;
/// The protocol of the media line (RFC 8866 section 5.14), and its format.
const PROTOCOL: &str = "udp";
const FORMAT: &str = "t140";

/// What to propose.
#[must_use]
pub fn spec() -> StreamSpec {
    StreamSpec::Custom { kind: KIND.into(), data: Bytes::new() }
}

/// Types a text.
#[must_use]
pub fn typing(text: &str) -> Command {
    Command::Custom { name: TYPE.into(), data: Bytes::copy_from_slice(text.as_bytes()) }
}

/// Makes streams of text.
#[derive(Clone, Copy, Debug)]
pub struct TextFactory;

impl StreamFactory for TextFactory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn create(
        &self,
        _config: &Config,
        _session: &SessionInfo,
        _spec: &StreamSpec,
    ) -> Result<Box<dyn MediaStream>, Text> {
        Ok(Box::<TextStream>::default())
    }

    fn recognize(&self, _config: &Config, _session: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        let media = &offered.media;
        if media.media_type() != KIND || media.protocol() != PROTOCOL {
            return Recognized::Unknown;
        }
        if media.formats().any(|format| format == FORMAT) {
            Recognized::Stream(Box::<TextStream>::default())
        } else {
            Recognized::Invalid("it is not T.140".into())
        }
    }
}

/// A stream of text.
#[derive(Debug, Default)]
pub struct TextStream {
    local: Option<SocketAddr>,
    remote: Option<SocketAddr>,
    /// All that the peer has typed so far.
    pub heard: String,
}

impl MediaStream for TextStream {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn initialize(&mut self, cx: &mut Context<'_>, _proposer: Originator, out: &mut Outbox<Output>) {
        let (socket, addr) = (cx.socket(SOCKET), cx.session.local);
        out.push(Output::Bind { socket, kind: SocketKind::Udp, addr, port: Port::Random });
    }

    fn local_media(&mut self, _cx: &mut Context<'_>, _offered: Option<&Proposed<'_>>) -> Description {
        let port = self.local.map_or(0, |local| local.port());
        Description::new("text", PROTOCOL, port, Formats::Opaque(vec![Text::from_static(FORMAT)]))
    }

    fn start(&mut self, _cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        self.remote = agreement.media.remote_rtp;
        out.push(Output::Started(None));
    }

    fn update(&mut self, _cx: &mut Context<'_>, agreement: &Agreement<'_>, _out: &mut Outbox<Output>) {
        self.remote = agreement.media.remote_rtp;
    }

    fn end(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        if self.local.is_none() {
            // Nothing comes of the socket any more; what was bound is closed for us.
            out.push(Output::Ended);
        }
        out.push(Output::Unbind { socket: cx.socket(SOCKET) });
    }

    fn input(&mut self, _cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>) {
        match input {
            Input::Bound { local, .. } => {
                self.local = Some(local);
                out.push(Output::Initialized);
            }
            Input::Unbound { cause: Some(cause), .. } => {
                self.local = None;
                out.push(Output::Failed { reason: cause.to_string().into(), for_now: true });
            }
            Input::Unbound { cause: None, .. } => out.push(Output::Ended),
            Input::Datagram { from, data, .. } if Some(from) == self.remote => {
                if let Ok(text) = std::str::from_utf8(&data) {
                    self.heard.push_str(text);
                    out.push(Output::Event(StreamEvent::Custom { name: TYPED.into(), data }));
                }
            }
            _ => {}
        }
    }

    fn command(
        &mut self,
        cx: &mut Context<'_>,
        command: &Command,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let Command::Custom { name, data } = command else { return Err(StreamError::Unsupported(cx.stream)) };
        let text = std::str::from_utf8(data).map_err(|_| StreamError::Refused("it is not UTF-8".into()))?;
        let Some(to) = self.remote else { return Err(StreamError::NotStarted(cx.stream)) };
        if name.as_str() != TYPE {
            return Err(StreamError::Unsupported(cx.stream));
        }
        for character in text.chars() {
            let data = Bytes::copy_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            out.push(Output::Send { on: cx.socket(SOCKET), to, data });
        }
        Ok(())
    }
}

/// What the peer of a stream has typed, as its application would look at it.
#[must_use]
pub fn heard(stream: &dyn MediaStream) -> Option<&str> {
    let any: &dyn std::any::Any = stream;
    any.downcast_ref::<TextStream>().map(|stream| stream.heard.as_str())
}

/// The names of those streams of a session that are text.
#[must_use]
pub fn of(session: &sipsimple_core::agent::SessionMut<'_>) -> Vec<StreamId> {
    let is_text = |id: &StreamId| session.stream(*id).is_some_and(|stream| stream.kind() == KIND);
    session.streams().into_iter().filter(is_text).collect()
}
