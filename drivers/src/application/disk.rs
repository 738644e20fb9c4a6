//! The settings of an application on disk.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use sipsimple_core::agent::{Agent, Answer, Effect, EventKind, Input, Intent, Question};
use sipsimple_core::id::AskId;
use sipsimple_core::settings::Backend;
use sipsimple_core::sip::Text;
use sipsimple_core::sip::digest::Secret;
use sipsimple_core::time::Instant;
use smol::channel::Sender;
use zeroize::Zeroizing;

use super::StartError;
use crate::disk::{Done, FileIo, WholeFile};
use crate::event_loop::Command;

/// The name of the file in the directory of an application.
const FILE: &str = "config";

/// Where the settings of an application are stored.
#[derive(Debug)]
pub(crate) struct Disk {
    io: FileIo,
    /// The questions that are being answered, in order.
    asked: Arc<Mutex<VecDeque<AskId>>>,
}

impl Disk {
    pub(crate) fn store(&self, ask: AskId, text: &Secret) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).push_back(ask);
        self.io.write(Zeroizing::new(text.expose().to_owned()));
    }
}

/// Starts the agent with settings in memory, or with those in this directory. Those are read at once, so that an application that cannot use them does not start.
pub(super) fn start(
    agent: &mut Agent,
    now: Instant,
    directory: Option<&Path>,
    listen: bool,
    commands: &Sender<Command>,
) -> Result<(Option<Disk>, Vec<Effect>), StartError> {
    let settings = if directory.is_some() { Backend::Driver } else { Backend::Memory };
    // It is new, and refuses nothing that is asked first.
    let _ = agent.intend(now, Intent::Start { settings, listen });
    let Some(directory) = directory else { return Ok((None, Vec::new())) };
    let file = WholeFile::new(directory.join(FILE));
    let mut others = Vec::new();
    while let Some(effect) = agent.poll_effect() {
        match effect {
            Effect::Ask { ask, question: Question::LoadSettings { max } } => {
                let answer = Answer::Settings(read(&file, max));
                agent.handle(now, Input::Answer { ask, answer });
            }
            other => others.push(other),
        }
    }
    if !agent.settings().is_loaded() {
        let path = file.path().to_owned();
        while let Some(event) = agent.poll_event() {
            if let EventKind::SettingsUnusable { error } = event.kind {
                return Err(StartError::Settings { path, error });
            }
        }
    }
    let asked = Arc::new(Mutex::new(VecDeque::new()));
    let (commands, asking) = (commands.clone(), asked.clone());
    let done = move |done| {
        let ask: Option<AskId> = asking.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
        if let (Done::Written(result), Some(ask)) = (done, ask) {
            let result = result.map_err(|error| Text::from(error.to_string()));
            // Nobody waits for it when the loop has ended.
            let _ = commands.try_send(Command::Stored { ask, result });
        }
    };
    let io = FileIo::start(file, done).map_err(StartError::Thread)?;
    Ok((Some(Disk { io, asked }), others))
}

fn read(file: &WholeFile, max: usize) -> Result<Option<Secret>, Text> {
    let Some(mut bytes) = file.read(max).map_err(|error| Text::from(error.to_string()))? else { return Ok(None) };
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(Some(Secret::from(text))),
        Err(error) => {
            let line =
                1 + error.as_bytes()[..error.utf8_error().valid_up_to()].iter().filter(|byte| **byte == b'\n').count();
            drop(Zeroizing::new(error.into_bytes()));
            Err(format!("line {line} is not UTF-8").into())
        }
    }
}
