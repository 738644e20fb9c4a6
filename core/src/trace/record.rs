//! Writing a trace.

use std::collections::VecDeque;

use super::line::Sealer;
use super::{Entry, FORMAT, Header};
use crate::config::Config;
use crate::random::Seed;
use crate::time::{Instant, Utc};

/// The lines that an agent has written and nobody has taken.
#[derive(Debug)]
pub(crate) struct Recorder {
    sealer: Sealer,
    lines: VecDeque<String>,
}

impl Recorder {
    pub(crate) fn new(config: &Config, seed: &Seed, start: Instant, utc: Utc) -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let header = Header { format: FORMAT, version, config: config.clone(), seed: seed.clone(), start, utc };
        let mut recorder = Self { sealer: Sealer::default(), lines: VecDeque::new() };
        recorder.write(&Entry::Header(Box::new(header)));
        recorder
    }

    pub(crate) fn write(&mut self, entry: &Entry) {
        // Everything in an entry has a form in JSON: there are no maps with keys that are not text.
        if let Ok(line) = self.sealer.seal(entry) {
            self.lines.push_back(line);
        }
    }

    pub(crate) fn pop(&mut self) -> Option<String> {
        self.lines.pop_front()
    }
}
