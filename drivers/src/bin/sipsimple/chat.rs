//! `sipsimple chat`: exchanges messages in a session, over MSRP.

use std::collections::VecDeque;
use std::io::BufRead;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sipsimple_core::id::StreamId;
use sipsimple_core::stream::{ChatCommand, ChatEvent, ChatMessage, ChatSpec, Command, StreamEvent, StreamSpec};
use sipsimple_core::time::{Instant, earliest};
use sipsimple_core::transport::Route;

use crate::failure::Failure;
use crate::output::Output;
use crate::talk::{Talk, Turn};
use crate::{account, msrp, value, words};

/// Options of `sipsimple chat`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// With whom, as in sip:bob@example.com; without it we wait for somebody
    uri: Option<String>,
    /// Where to wait, udp|tcp|tls:ADDRESS:PORT; port 0 is any. Default: udp and tcp, 0.0.0.0:5060
    #[arg(long, value_name = "SOCKET", value_parser = value::socket, conflicts_with = "uri")]
    listen: Vec<Route>,
    /// Say this, and nothing that is typed; may be given several times
    #[arg(long, value_name = "TEXT")]
    say: Vec<String>,
    /// End when so many messages have come, and all that was said has arrived
    #[arg(long, value_name = "N")]
    expect: Option<usize>,
    /// Give up after this long
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    timeout: Option<Duration>,
    #[command(flatten)]
    account: account::Options,
    #[command(flatten)]
    msrp: msrp::Options,
}

/// Chats until what was asked for has happened, or either side ends.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let streams = vec![StreamSpec::Chat(ChatSpec::default())];
    let mut talk = match &options.uri {
        Some(uri) => Talk::call(&options.account, &options.msrp, uri, streams, trace, out)?,
        None => Talk::listen(&options.account, &options.msrp, &options.listen, trace, out)?,
    };
    let lines = if options.say.is_empty() && options.expect.is_none() { Some(typed()?) } else { None };
    let mut chat = Chat {
        out,
        stream: None,
        say: options.say.iter().cloned().collect(),
        said: 0,
        open: 0,
        come: 0,
        expect: options.expect,
        failed: None,
        lines,
        due: None,
        leave: None,
    };
    let limit = options.timeout.map(|time| talk.now() + time);
    let result = chat.run(&mut talk, limit);
    talk.stop(result)
}

/// The lines that somebody types.
fn typed() -> Result<std::sync::mpsc::Receiver<String>, Failure> {
    let (sender, lines) = std::sync::mpsc::channel();
    std::thread::Builder::new().name("keyboard".into()).spawn(move || {
        for line in std::io::stdin().lock().lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    })?;
    Ok(lines)
}

/// How long the other side may take to hear that all it said has come, before it hears that the session ends.
const PARTING: Duration = Duration::from_millis(500);

/// How often it is looked whether somebody has typed.
const LOOK: Duration = Duration::from_millis(50);

struct Chat {
    out: Output,
    stream: Option<StreamId>,
    say: VecDeque<String>,
    /// Messages that were sent, and those of them whose fate is not known.
    said: u64,
    open: usize,
    come: usize,
    expect: Option<usize>,
    failed: Option<String>,
    lines: Option<std::sync::mpsc::Receiver<String>>,
    due: Option<Instant>,
    /// When to end, all being done.
    leave: Option<Instant>,
}

impl Chat {
    fn run(&mut self, talk: &mut Talk, limit: Option<Instant>) -> Result<(), Failure> {
        loop {
            self.speak(talk)?;
            let now = talk.now();
            if self.is_done() && *self.leave.get_or_insert_with(|| now + PARTING) <= now {
                return self.failed.take().map_or(Ok(()), |words| Err(Failure::new(words)));
            }
            self.due = self.lines.as_ref().map(|_| talk.now() + LOOK);
            match talk.next(earliest(earliest(self.due, self.leave), limit))? {
                Turn::Stream { id, at, event: StreamEvent::DidStart { .. } } => {
                    self.stream = Some(id);
                    self.out.at(at, "the chat has begun");
                }
                Turn::Stream { at, event: StreamEvent::Chat(event), .. } => self.event(at, &event),
                Turn::Stream { .. } => {}
                Turn::Incoming { session, streams } => {
                    let streams = talk.of_kind(session, streams, "chat")?;
                    talk.accept(session, &streams)?;
                }
                Turn::Due if limit.is_some_and(|limit| limit <= talk.now()) => {
                    return Err(Failure::new("what was expected did not come in time"));
                }
                Turn::Due => {}
                Turn::Over if self.is_done() => return Ok(()),
                Turn::Over if self.expect.is_some() || self.open > 0 || self.stream.is_none() => {
                    return Err(Failure::new("the chat ended before all was said"));
                }
                Turn::Over => return Ok(()),
                Turn::Interrupt => return Ok(()),
            }
        }
    }

    /// Whether all that was asked for has happened.
    fn is_done(&self) -> bool {
        let expected = self.expect.map_or_else(|| self.lines.is_none(), |expected| self.come >= expected);
        self.stream.is_some() && self.say.is_empty() && self.open == 0 && expected
    }

    fn speak(&mut self, talk: &Talk) -> Result<(), Failure> {
        let Some(stream) = self.stream else { return Ok(()) };
        if let Some(lines) = &self.lines {
            self.say.extend(lines.try_iter());
        }
        while let Some(text) = self.say.pop_front() {
            self.said += 1;
            self.open += 1;
            let message = ChatMessage::text(format!("m{:07}", self.said), &text);
            talk.command(stream, Command::Chat(ChatCommand::SendMessage(Box::new(message))))?;
        }
        Ok(())
    }

    fn event(&mut self, at: Instant, event: &ChatEvent) {
        match event {
            ChatEvent::GotMessage { message } => {
                self.come += 1;
                let text = String::from_utf8_lossy(&message.content);
                let sender = words::printable(&message.sender.uri);
                self.out.at(at, format_args!("{sender}: {}", words::printable(&text)));
            }
            ChatEvent::DidDeliverMessage { message_id, .. } => {
                self.open -= 1;
                self.out.at(at, format_args!("{message_id} was delivered"));
            }
            ChatEvent::DidNotDeliverMessage { message_id, code, reason, .. } => {
                self.open -= 1;
                let words = format!("{message_id} was not delivered: {code} {}", words::printable(reason));
                self.out.at(at, &words);
                self.failed.get_or_insert(words);
            }
            ChatEvent::GotComposingIndication { state, sender, .. } => {
                self.out.at(at, format_args!("{} is {state:?}", words::printable(&sender.uri)));
            }
            _ => {}
        }
    }
}
