//! An audio stream whose media line a test changes: other keys, another suite, other codecs, another port. The stream below does the rest, as it
//! is; so a peer that re-negotiates comes with sound.

use std::sync::{Arc, Mutex, PoisonError};

use sipsimple_core::config::Config;
use sipsimple_core::id::ConnId;
use sipsimple_core::negotiation::{Codec, Crypto, Description, Formats, Proposed};
use sipsimple_core::outbox::Outbox;
use sipsimple_core::random::Random;
use sipsimple_core::rtp::srtp::{MasterKey, Suite};
use sipsimple_core::sip::Text;
use sipsimple_core::stream::{
    Agreement, AudioFactory, Command, Context, Input, MediaStream, Originator, Output, Recognized, SessionInfo,
    StreamError, StreamFactory, StreamSpec,
};
use sipsimple_core::time::Instant;

/// How a line is to differ from what the stream says.
#[derive(Clone, Debug, Default)]
pub struct Change {
    /// Whether an offer of the line is due.
    pub offer: bool,
    /// Keys that nobody has seen: of this suite in an offer, of the offered one in an answer.
    pub keys: Option<Suite>,
    /// These codecs and no others, and the events.
    pub codecs: Option<Vec<Codec>>,
    /// This port, and the next for RTCP.
    pub port: Option<u16>,
    /// This port for RTCP, wherever RTP is.
    pub rtcp_port: Option<u16>,
}

/// What a test tells the streams of one host.
#[derive(Clone, Debug, Default)]
pub struct Changes(Arc<Mutex<Change>>);

impl Changes {
    /// From now on lines differ like this.
    pub fn set(&self, change: Change) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = change;
    }

    fn with<T>(&self, act: impl FnOnce(&mut Change) -> T) -> T {
        act(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Makes audio streams that change, in place of the usual ones.
#[derive(Clone, Debug)]
pub struct ChangingFactory(pub Changes);

impl StreamFactory for ChangingFactory {
    fn kind(&self) -> &'static str {
        "audio"
    }

    fn create(&self, config: &Config, session: &SessionInfo, spec: &StreamSpec) -> Result<Box<dyn MediaStream>, Text> {
        let inner = AudioFactory.create(config, session, spec)?;
        Ok(Box::new(Changing { inner, changes: self.0.clone() }))
    }

    fn recognize(&self, config: &Config, session: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        match AudioFactory.recognize(config, session, offered) {
            Recognized::Stream(inner) => Recognized::Stream(Box::new(Changing { inner, changes: self.0.clone() })),
            other @ (Recognized::Unknown | Recognized::Invalid(_)) => other,
        }
    }
}

#[derive(Debug)]
struct Changing {
    inner: Box<dyn MediaStream>,
    changes: Changes,
}

/// Puts keys that nobody has seen into the lines of a description: all of this suite, if one is named.
fn renew(description: &mut Description, suite: Option<Suite>, random: &mut Random) {
    for attribute in description.attributes.iter_mut().filter(|attribute| attribute.name == "crypto") {
        let Some(Crypto { tag, key }) = attribute.value.as_deref().and_then(Crypto::read) else { continue };
        let key = MasterKey::generate(suite.unwrap_or_else(|| key.suite()), random);
        *attribute = Crypto { tag, key }.attribute();
    }
}

impl MediaStream for Changing {
    fn kind(&self) -> &'static str {
        self.inner.kind()
    }

    fn hold_supported(&self) -> bool {
        self.inner.hold_supported()
    }

    fn on_hold_by_local(&self) -> bool {
        self.inner.on_hold_by_local()
    }

    fn on_hold_by_remote(&self) -> bool {
        self.inner.on_hold_by_remote()
    }

    fn initialize(&mut self, cx: &mut Context<'_>, proposer: Originator, out: &mut Outbox<Output>) {
        self.inner.initialize(cx, proposer, out);
    }

    fn offered(&mut self, offered: &Proposed<'_>) -> Result<bool, Text> {
        self.inner.offered(offered)
    }

    fn local_media(&mut self, cx: &mut Context<'_>, offered: Option<&Proposed<'_>>) -> Description {
        let mut description = self.inner.local_media(cx, offered);
        let Change { keys, codecs, port, rtcp_port, .. } = self.changes.with(|change| {
            change.offer &= offered.is_some();
            change.clone()
        });
        if let Some(suite) = keys {
            renew(&mut description, Some(suite).filter(|_| offered.is_none()), cx.random);
        }
        if let Some(mut codecs) = codecs {
            codecs.push(Codec::telephone_event(8000).with_payload(101));
            description.formats = Formats::Rtp(codecs);
        }
        if let Some(port) = port {
            (description.port, description.rtcp_port) = (port, Some(port + 1));
        }
        description.rtcp_port = rtcp_port.or(description.rtcp_port);
        description
    }

    fn start(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        self.inner.start(cx, agreement, out);
    }

    fn validate_update(&self, offered: &Proposed<'_>) -> Result<(), Text> {
        self.inner.validate_update(offered)
    }

    fn update(&mut self, cx: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        self.inner.update(cx, agreement, out);
    }

    fn hold(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.inner.hold(cx, out);
    }

    fn unhold(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.inner.unhold(cx, out);
    }

    fn wants_offer(&self) -> bool {
        self.changes.with(|change| change.offer) || self.inner.wants_offer()
    }

    fn is_done(&self) -> bool {
        self.inner.is_done()
    }

    fn reset(&mut self, cx: &mut Context<'_>) {
        self.inner.reset(cx);
    }

    fn deactivate(&mut self, cx: &mut Context<'_>) {
        self.inner.deactivate(cx);
    }

    fn end(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.inner.end(cx, out);
    }

    fn input(&mut self, cx: &mut Context<'_>, input: Input, out: &mut Outbox<Output>) {
        self.inner.input(cx, input, out);
    }

    fn command(
        &mut self,
        cx: &mut Context<'_>,
        command: &Command,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        match command {
            // Wakes the session, which asks whether an offer is due.
            Command::Custom { .. } => Ok(()),
            other => self.inner.command(cx, other, out),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        self.inner.deadline()
    }

    fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.inner.timeout(cx, out);
    }

    fn read_budget(&self, conn: ConnId) -> usize {
        self.inner.read_budget(conn)
    }
}
