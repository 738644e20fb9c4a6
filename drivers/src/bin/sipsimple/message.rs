//! `sipsimple message`: sends an instant message.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sipsimple_core::agent::{EventKind as AgentEvent, Intent, Outcome};
use sipsimple_core::message::MessageEvent;
use sipsimple_core::sip::Text;
use sipsimple_core::usage::Content;
use sipsimple_drivers::EventKind;

use crate::client::Wake;
use crate::failure::Failure;
use crate::output::Output;
use crate::speaker::Speaker;
use crate::{account, value, words};

/// Options of `sipsimple message`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// To whom, as in sip:bob@example.com; with an account also bob
    uri: String,
    /// What to say
    text: String,
    /// The media type of the text
    #[arg(long = "type", value_name = "TYPE", default_value = "text/plain;charset=utf-8")]
    kind: String,
    /// Wrap it in a CPIM message (RFC 3862)
    #[arg(long)]
    cpim: bool,
    /// Say first for this long that the message is being composed (RFC 3994)
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    composing: Option<Duration>,
    /// Stay for this long, and show what comes back
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    wait: Option<Duration>,
    #[command(flatten)]
    account: account::Options,
}

/// Sends the message, waits for its fate, and, if that is wanted, for what comes back.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let to = Text::from(options.account.complete(&options.uri));
    let mut speaker = Speaker::start(&options.account, &to, trace, out)?;
    let (account, mut due) = (speaker.account, None);
    if let Some(time) = options.composing {
        let intent = Intent::Composing { account, to: to.clone(), routes: Vec::new() };
        speaker.client.application.intend(intent)?;
        due = Some(speaker.client.application.now() + time);
    }
    let mut message = None;
    let result = loop {
        if message.is_none() && due.is_none_or(|due| due <= speaker.client.application.now()) {
            let content = Content::new(&options.kind, &options.text);
            let (to, cpim) = (to.clone(), options.cpim);
            let intent = Intent::SendMessage { account, to, content, cpim, routes: Vec::new() };
            let Outcome::Message(id) = speaker.client.application.intend(intent)? else {
                break Err(Failure::new("the application has stopped"));
            };
            (message, due) = (Some(id), None);
        }
        match speaker.client.next(due) {
            Wake::Event(event) => match event.kind {
                EventKind::Agent(AgentEvent::Message { id, event: news, .. }) if Some(id) == message => match news {
                    MessageEvent::DidSucceed { code, reason } => {
                        let fate = if code == 202 { "taken for delivery" } else { "delivered" };
                        out.at(event.at, format_args!("{fate}: {code} {}", words::printable(&reason)));
                        match options.wait {
                            Some(time) => due = Some(event.at + time),
                            None => break Ok(()),
                        }
                    }
                    MessageEvent::DidFail { cause } => {
                        let words = words::printable(&cause.to_string());
                        break Err(Failure::new(format!("the message was not delivered, {words}")));
                    }
                    _ => {}
                },
                kind => {
                    if let Some(words) = words::of_message(&kind) {
                        out.at(event.at, words);
                    }
                }
            },
            Wake::Interrupt => break Err(Failure::new("interrupted")),
            Wake::Due if message.is_some() => break Ok(()),
            Wake::Due => {}
            Wake::Stopped => break Err(Failure::new("the application has stopped")),
        }
    };
    speaker.client.stop();
    result.and_then(|()| speaker.client.written())
}
