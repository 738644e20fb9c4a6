//! What makes streams (seed classes MediaStreamRegistry and MediaStreamRegistrar).

use std::fmt::Debug;
use std::sync::Arc;

use crate::config::Config;
use crate::id::{Counter, StreamId};
use crate::negotiation::Proposed;
use crate::sip::{Part, Text};

use super::{
    AudioFactory, ChatFactory, DesktopSharingFactory, FileTransferFactory, MediaStream, SessionInfo, StreamSpec,
};

/// What a factory makes of a media line that the peer offers (`new_from_sdp`).
#[derive(Debug)]
pub enum Recognized {
    /// The line is not of its kind: the next factory is asked.
    Unknown,
    /// It is, and cannot be used, for this reason: the line is refused.
    Invalid(Text),
    /// This stream.
    Stream(Box<dyn MediaStream>),
}

/// Makes the streams of one kind. It holds no state of any stream.
pub trait StreamFactory: Debug + Send + Sync {
    /// The kind of its streams: `audio`, `chat` …
    fn kind(&self) -> &str;

    /// Its place among others (attribute `priority`): those with higher numbers see offers first.
    fn priority(&self) -> i32 {
        1
    }

    /// A stream that this side is to propose (`__init__`). The local address of the session is not known yet.
    ///
    /// # Errors
    /// What is wrong with the specification, in words.
    fn create(&self, config: &Config, session: &SessionInfo, spec: &StreamSpec) -> Result<Box<dyn MediaStream>, Text>;

    /// A stream for a media line of the peer's offer, whose port is not 0 (`new_from_sdp`).
    fn recognize(&self, config: &Config, session: &SessionInfo, offered: &Proposed<'_>) -> Recognized;
}

/// The factories, in the order of their priorities (seed class MediaStreamRegistry).
#[derive(Clone, Debug)]
pub struct Registry {
    factories: Vec<Arc<dyn StreamFactory>>,
}

impl Default for Registry {
    /// Those that come with this crate.
    fn default() -> Self {
        Self {
            factories: vec![
                Arc::new(FileTransferFactory),
                Arc::new(AudioFactory),
                Arc::new(ChatFactory),
                Arc::new(DesktopSharingFactory),
            ],
        }
    }
}

impl Registry {
    /// None at all.
    #[must_use]
    pub const fn empty() -> Self {
        Self { factories: Vec::new() }
    }

    /// Adds a factory: behind those of its priority or a higher one, and in place of one of the same kind.
    pub fn add(&mut self, factory: Arc<dyn StreamFactory>) {
        self.factories.retain(|known| known.kind() != factory.kind());
        let place = self.factories.partition_point(|known| known.priority() >= factory.priority());
        self.factories.insert(place, factory);
    }

    /// The factories, those that see offers first before others.
    pub fn iter(&self) -> impl Iterator<Item = &dyn StreamFactory> {
        self.factories.iter().map(AsRef::as_ref)
    }

    /// The factory of this kind.
    #[must_use]
    pub fn get(&self, kind: &str) -> Option<&dyn StreamFactory> {
        self.iter().find(|factory| factory.kind() == kind)
    }

    /// A stream that this side is to propose.
    ///
    /// # Errors
    /// What is wrong with the specification, in words.
    pub fn create(
        &self,
        config: &Config,
        session: &SessionInfo,
        spec: &StreamSpec,
    ) -> Result<Box<dyn MediaStream>, Text> {
        let factory =
            self.get(spec.kind()).ok_or_else(|| format!("streams of type '{}' are not known", spec.kind()))?;
        factory.create(config, session, spec)
    }

    /// The stream for a media line of the peer's offer, if there is one, and what came along with the offer.
    #[must_use]
    pub fn recognize(
        &self,
        config: &Config,
        session: &SessionInfo,
        offered: &Proposed<'_>,
        parts: &[Part],
    ) -> Option<Box<dyn MediaStream>> {
        if offered.media.port() == 0 {
            return None;
        }
        for factory in self.iter() {
            match factory.recognize(config, session, offered) {
                Recognized::Unknown => {}
                Recognized::Invalid(_) => return None,
                Recognized::Stream(mut stream) => {
                    stream.attach(&config.limits, parts);
                    return Some(stream);
                }
            }
        }
        None
    }
}

/// Where the streams of a session come from: what makes them, and names for them.
#[derive(Debug)]
pub struct Source<'a> {
    /// What makes them.
    pub registry: &'a Registry,
    /// Their names.
    pub ids: &'a mut Counter,
}

impl Source<'_> {
    /// The name of a new stream.
    pub fn next_id(&mut self) -> StreamId {
        StreamId::from_u64(self.ids.take())
    }
}
