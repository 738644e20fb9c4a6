//! A media stream that takes its time, never gets ready, or fails, as its [`Habit`] says: for what becomes of a session with such a stream.
//!
//! It has a media line of its own (`m=application 9 brittle 0`), and neither sockets nor media. The habit of what this side proposes
//! stands in its specification, that of what it is offered in the factory.

use std::time::Duration;

use bytes::Bytes;
use sipsimple_core::config::Config;
use sipsimple_core::negotiation::{Description, Formats, Proposed};
use sipsimple_core::outbox::Outbox;
use sipsimple_core::sip::Text;
use sipsimple_core::stream::{
    Agreement, Command, Context, Input, MediaStream, Originator, Output, Recognized, SessionInfo, StreamError,
    StreamFactory, StreamSpec,
};
use sipsimple_core::time::Instant;

/// The kind of these streams, and the protocol of their media line.
pub const KIND: &str = "brittle";
/// The port of their media lines, at which nobody listens.
const PORT: u16 = 9;

/// How a stream behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Habit {
    /// So long it takes to be initialised; `None` for never.
    pub initialize: Option<Duration>,
    /// So long it takes to start; `None` for never.
    pub start: Option<Duration>,
    /// So long after its start it fails, if it does.
    pub fail: Option<Duration>,
}

impl Habit {
    /// It is ready at once, and never fails.
    pub const SOUND: Self = Self { initialize: Some(Duration::ZERO), start: Some(Duration::ZERO), fail: None };

    /// A stream to propose that behaves so.
    #[must_use]
    pub fn spec(self) -> StreamSpec {
        let times = [self.initialize, self.start, self.fail];
        let words = times.map(|time| time.map_or_else(|| "-".to_owned(), |time| time.as_millis().to_string()));
        StreamSpec::Custom { kind: KIND.into(), data: Bytes::from(words.join(" ")) }
    }

    fn read(data: &[u8]) -> Option<Self> {
        let mut words = std::str::from_utf8(data).ok()?.split(' ');
        let mut next = || Some(words.next()?.parse().ok().map(Duration::from_millis));
        Some(Self { initialize: next()?, start: next()?, fail: next()? })
    }
}

/// Makes brittle streams.
#[derive(Clone, Copy, Debug)]
pub struct BrittleFactory {
    /// How those behave that the peer proposes.
    pub offered: Habit,
}

impl StreamFactory for BrittleFactory {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn create(&self, _: &Config, _: &SessionInfo, spec: &StreamSpec) -> Result<Box<dyn MediaStream>, Text> {
        let StreamSpec::Custom { data, .. } = spec else { return Err("it has no habit".into()) };
        let habit = Habit::read(data).ok_or_else(|| Text::from("its habit cannot be read"))?;
        Ok(Box::new(BrittleStream { habit, next: None }))
    }

    fn recognize(&self, _: &Config, _: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        if offered.media.protocol() == KIND {
            Recognized::Stream(Box::new(BrittleStream { habit: self.offered, next: None }))
        } else {
            Recognized::Unknown
        }
    }
}

/// What a stream will say.
#[derive(Clone, Copy, Debug)]
enum Say {
    Initialized,
    Started,
    Failed,
}

#[derive(Debug)]
struct BrittleStream {
    habit: Habit,
    next: Option<(Instant, Say)>,
}

impl BrittleStream {
    fn plan(&mut self, now: Instant, after: Option<Duration>, say: Say) {
        self.next = after.map(|after| (now + after, say));
    }

    /// Says what is due.
    fn say(&mut self, now: Instant, out: &mut Outbox<Output>) {
        match self.next.take_if(|(at, _)| *at <= now) {
            Some((_, Say::Initialized)) => out.push(Output::Initialized),
            Some((_, Say::Started)) => {
                out.push(Output::Started(None));
                self.plan(now, self.habit.fail, Say::Failed);
            }
            Some((_, Say::Failed)) => out.push(Output::Failed { reason: "it broke".into(), for_now: false }),
            None => {}
        }
    }
}

impl MediaStream for BrittleStream {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn initialize(&mut self, cx: &mut Context<'_>, _: Originator, out: &mut Outbox<Output>) {
        self.plan(cx.now, self.habit.initialize, Say::Initialized);
        self.say(cx.now, out);
    }

    fn local_media(&mut self, _: &mut Context<'_>, _: Option<&Proposed<'_>>) -> Description {
        Description::new("application", KIND, PORT, Formats::Opaque(vec![Text::from_static("0")]))
    }

    fn start(&mut self, cx: &mut Context<'_>, _: &Agreement<'_>, out: &mut Outbox<Output>) {
        self.plan(cx.now, self.habit.start, Say::Started);
        self.say(cx.now, out);
    }

    fn update(&mut self, _: &mut Context<'_>, _: &Agreement<'_>, _: &mut Outbox<Output>) {}

    fn end(&mut self, _: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.next = None;
        out.push(Output::Ended);
    }

    fn input(&mut self, _: &mut Context<'_>, _: Input, _: &mut Outbox<Output>) {}

    fn command(&mut self, cx: &mut Context<'_>, _: &Command, _: &mut Outbox<Output>) -> Result<(), StreamError> {
        Err(StreamError::Unsupported(cx.stream))
    }

    fn deadline(&self) -> Option<Instant> {
        self.next.map(|(at, _)| at)
    }

    fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.say(cx.now, out);
    }
}
