//! Traces: every input and intent of an agent, with the effects and events that followed, as lines of JSON.
//!
//! The first line is a [`Header`]; the others are [`Entry`]s in the order in which things happened. [`replay()`] runs a new
//! agent over the inputs and intents of a trace and demands that the same effects and events come out, byte for byte.
//! [`Messages`] finds the SIP messages in one.
//!
//! A trace holds what came in as it came in, the bytes of transferred files included, since replaying needs them: whoever writes one bounds
//! it, and ends it before an input. It holds secrets: it is written to a file that only its owner can read, and what is shown of it goes through [`mask`].

pub(crate) mod data;
mod line;
mod mask;
mod messages;
mod record;
mod replay;

pub use line::{LineError, Reader};
pub use mask::mask;
pub use messages::{Messages, TracedMessage};
pub(crate) use record::Recorder;
pub use replay::{ReplayError, Replayed, replay, replay_with};

use serde::{Deserialize, Serialize};

use crate::agent::{Effect, Event, Input, Intent, IntentError, Outcome};
use crate::config::Config;
use crate::random::Seed;
use crate::time::{Instant, Utc};

/// The version of the format that this crate writes, and the only one that it reads.
pub const FORMAT: u32 = 1;

/// How an agent began.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The version of the format.
    pub format: u32,
    /// The version of the crate that wrote the trace.
    pub version: String,
    /// The configuration.
    pub config: Config,
    /// The seed.
    pub seed: Seed,
    /// The time of the start.
    pub start: Instant,
    /// The date of the start.
    pub utc: Utc,
}

/// One line of a trace.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Entry {
    /// The first line.
    Header(Box<Header>),
    /// Something came from the world.
    Input {
        /// When.
        at: Instant,
        /// What.
        input: Box<Input>,
    },
    /// The application wanted something.
    Intent {
        /// When.
        at: Instant,
        /// What.
        intent: Box<Intent>,
        /// What it was told at once.
        result: Result<Outcome, IntentError>,
    },
    /// What the last input or intent made the agent do.
    Effect(Box<Effect>),
    /// What the last input or intent made the agent tell.
    Event(Box<Event>),
}
