//! Running an agent over a trace.

use super::line::content;
use super::{Entry, FORMAT, LineError, Reader};
use crate::agent::{Agent, ConfigError};

/// Why a trace does not replay.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// The trace has no lines.
    #[error("the trace is empty")]
    Empty,
    /// The first line is not a header.
    #[error("the first line is not the header of a trace")]
    NoHeader,
    /// The trace has another format.
    #[error("the trace has format {found}, and format {FORMAT} is what can be read")]
    Format {
        /// The format of the trace.
        found: u32,
    },
    /// A line cannot be read.
    #[error("line {line} cannot be read: {error}")]
    Unreadable {
        /// Its number, from 1.
        line: usize,
        /// What is wrong with it.
        error: LineError,
    },
    /// The configuration in the header is refused.
    #[error("the configuration of the trace is refused: {0}")]
    Config(#[from] ConfigError),
    /// The agent did something else than what the trace says.
    #[error("line {line} differs.\n  the trace says: {expected}\n  the agent says: {found}")]
    Differs {
        /// The number of the line, from 1.
        line: usize,
        /// What the trace says; empty when it has no such line.
        expected: String,
        /// What the agent said; empty when it said nothing.
        found: String,
    },
}

/// What was replayed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Replayed {
    /// Inputs.
    pub inputs: usize,
    /// Intents.
    pub intents: usize,
    /// Effects, all the same.
    pub effects: usize,
    /// Events, all the same.
    pub events: usize,
}

/// Runs a new agent over the inputs and intents of a trace, and compares every line that it writes with the trace's, byte for byte.
///
/// # Errors
/// When the trace cannot be read, or at the first line that differs.
pub fn replay<L: AsRef<str>>(lines: impl IntoIterator<Item = L>) -> Result<Replayed, ReplayError> {
    replay_with(lines, |_| {})
}

/// The same for an agent with streams of an application's own: `prepare` registers them, as the program did that wrote the trace.
///
/// # Errors
/// When the trace cannot be read, or at the first line that differs.
pub fn replay_with<L: AsRef<str>>(
    lines: impl IntoIterator<Item = L>,
    prepare: impl FnOnce(&mut Agent),
) -> Result<Replayed, ReplayError> {
    let mut lines = lines.into_iter().enumerate().map(|(index, line)| (index + 1, line));
    let (_, first) = lines.next().ok_or(ReplayError::Empty)?;
    let mut reader = Reader::default();
    let unreadable = |line| move |error| ReplayError::Unreadable { line, error };
    let Entry::Header(header) = reader.read(first.as_ref()).map_err(unreadable(1))? else {
        return Err(ReplayError::NoHeader);
    };
    if header.format != FORMAT {
        return Err(ReplayError::Format { found: header.format });
    }
    let mut agent = Agent::new_traced(header.config, header.seed, header.start, header.utc)?;
    prepare(&mut agent);
    // The agent's own header may name another version of this crate; so its checksums, which run on from there, differ.
    let _ = agent.poll_trace();
    drain(&mut agent);
    let mut replayed = Replayed::default();
    let mut last = 1;
    for (number, line) in lines {
        last = number;
        let line = line.as_ref();
        let entry = reader.read(line).map_err(unreadable(number))?;
        match entry {
            Entry::Input { at, input } => {
                expect_silence(&mut agent, number)?;
                replayed.inputs += 1;
                agent.handle(at, *input);
                drain(&mut agent);
            }
            Entry::Intent { at, intent, .. } => {
                expect_silence(&mut agent, number)?;
                replayed.intents += 1;
                // What it answered stands in the line that it writes.
                let _ = agent.intend(at, *intent);
                drain(&mut agent);
            }
            Entry::Effect(_) => replayed.effects += 1,
            Entry::Event(_) => replayed.events += 1,
            Entry::Header(_) => return Err(ReplayError::NoHeader),
        }
        let found = agent.poll_trace().unwrap_or_default();
        if content(&found) != content(line) {
            return Err(ReplayError::Differs { line: number, expected: line.to_owned(), found });
        }
    }
    expect_silence(&mut agent, last + 1)?;
    Ok(replayed)
}

/// Takes out what stands in the trace too: an agent that nobody drains sheds what comes.
fn drain(agent: &mut Agent) {
    while agent.poll_effect().is_some() {}
    while agent.poll_event().is_some() {}
}

/// Nothing may come out beyond what the trace says.
fn expect_silence(agent: &mut Agent, line: usize) -> Result<(), ReplayError> {
    match agent.poll_trace() {
        None => Ok(()),
        Some(found) => Err(ReplayError::Differs { line, expected: String::new(), found }),
    }
}
