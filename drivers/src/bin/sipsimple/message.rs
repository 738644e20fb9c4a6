//! `sipsimple message`: sends an instant message.

use std::path::PathBuf;

use clap::Args;
use sipsimple_core::agent::{EventKind as AgentEvent, Intent, Outcome};
use sipsimple_core::message::MessageEvent;
use sipsimple_core::usage::Content;
use sipsimple_drivers::EventKind;

use crate::client::Wake;
use crate::failure::Failure;
use crate::output::Output;
use crate::speaker::Speaker;
use crate::{account, words};

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
    #[command(flatten)]
    account: account::Options,
}

/// Sends the message, and waits for its fate.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let to = options.account.complete(&options.uri);
    let mut speaker = Speaker::start(&options.account, &to, trace, out)?;
    let content = Content::new(&options.kind, &options.text);
    let intent = Intent::SendMessage { account: speaker.account, to: to.into(), content, routes: Vec::new() };
    let Outcome::Message(message) = speaker.client.application.intend(intent)? else {
        return Err(Failure::new("the application has stopped"));
    };
    let result = loop {
        match speaker.client.next(None) {
            Wake::Event(event) => match event.kind {
                EventKind::Agent(AgentEvent::Message { id, event: news, .. }) if id == message => match news {
                    MessageEvent::DidSucceed { code, reason } => {
                        let fate = if code == 202 { "taken for delivery" } else { "delivered" };
                        out.at(event.at, format_args!("{fate}: {code} {}", words::printable(&reason)));
                        break Ok(());
                    }
                    MessageEvent::DidFail { cause } => {
                        let words = words::printable(&cause.to_string());
                        break Err(Failure::new(format!("the message was not delivered, {words}")));
                    }
                    _ => {}
                },
                _ => {}
            },
            Wake::Interrupt => break Err(Failure::new("interrupted")),
            Wake::Due | Wake::Stopped => break Err(Failure::new("the application has stopped")),
        }
    };
    speaker.client.stop();
    result.and_then(|()| speaker.client.written())
}
