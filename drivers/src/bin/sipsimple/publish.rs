//! `sipsimple publish`: publishes the presence of an account, and keeps it published.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sipsimple_core::agent::{EventKind as AgentEvent, Intent, Outcome};
use sipsimple_core::payload::presence::{Basic, Note, Presence, Status, Tuple};
use sipsimple_core::publication::PublicationEvent;
use sipsimple_core::usage::Content;
use sipsimple_drivers::EventKind;

use crate::client::Wake;
use crate::failure::Failure;
use crate::output::Output;
use crate::speaker::Speaker;
use crate::{account, value, words};

/// Whether the account can be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Reachable {
    /// It can.
    Open,
    /// It cannot.
    Closed,
}

/// Options of `sipsimple publish`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Whether the account can be reached
    #[arg(long, value_name = "STATUS")]
    status: Reachable,
    /// A remark
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    /// For how many seconds at a time
    #[arg(long, value_name = "SECS", default_value_t = 3600)]
    expires: u32,
    /// Remove it and end after this long; without it only when interrupted
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    duration: Option<Duration>,
    #[command(flatten)]
    account: account::Options,
}

/// Publishes, and removes what was published in the end.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let uri = options.account.account.as_ref().map(ToString::to_string);
    let uri = uri.ok_or_else(|| Failure::new("say whose presence it is, with --account"))?;
    let mut speaker = Speaker::start(&options.account, &uri, trace, out)?;
    // What several devices publish is put together: each tuple has a name of its own.
    let device = format!("device-{:08x}", getrandom::u32().map_err(|error| Failure::new(error.to_string()))?);
    let intent = Intent::Publish {
        account: speaker.account,
        event: "presence".into(),
        content: Content::new(Presence::CONTENT_TYPE, presence(&uri, &device, options).write()),
        expires: Some(options.expires),
        persistent: false,
        routes: Vec::new(),
    };
    let Outcome::Publication(publication) = speaker.client.application.intend(intent)? else {
        return Err(Failure::new("the application has stopped"));
    };
    let mut due = None;
    let mut ending = false;
    let result = loop {
        match speaker.client.next(due) {
            Wake::Event(event) => match event.kind {
                EventKind::Agent(AgentEvent::Publication { id, event: news, .. }) if id == publication => match news {
                    PublicationEvent::DidSucceed { expires } => {
                        out.at(event.at, format_args!("published for {expires} s"));
                        due = options.duration.map(|time| event.at + time);
                    }
                    PublicationEvent::DidFail { cause, .. } => {
                        let words = words::printable(&cause.to_string());
                        break Err(Failure::new(format!("the publication failed, {words}")));
                    }
                    PublicationEvent::DidEnd => {
                        out.at(event.at, "removed");
                        break Ok(());
                    }
                    PublicationEvent::DidNotEnd { cause } => {
                        let words = words::printable(&cause.to_string());
                        break Err(Failure::new(format!("the publication was not removed, {words}")));
                    }
                    _ => {}
                },
                _ => {}
            },
            Wake::Interrupt if ending => break Err(Failure::new("interrupted twice")),
            Wake::Interrupt | Wake::Due => {
                due = None;
                if !std::mem::replace(&mut ending, true) {
                    speaker.client.application.intend(Intent::EndPublication(publication))?;
                }
            }
            Wake::Stopped => break Err(Failure::new("the application has stopped")),
        }
    };
    speaker.client.stop();
    result.and_then(|()| speaker.client.written())
}

/// The presence document (RFC 3863).
fn presence(uri: &str, device: &str, options: &Options) -> Presence {
    let basic = match options.status {
        Reachable::Open => Basic::Open,
        Reachable::Closed => Basic::Closed,
    };
    let note = options.note.iter().map(|text| Note { language: None, text: text.clone() }).collect();
    let status = Status { basic: Some(basic), ..Status::default() };
    let tuple = Tuple { id: device.to_owned(), status, notes: note, ..Tuple::default() };
    Presence { entity: uri.to_owned(), tuples: vec![tuple], ..Presence::default() }
}
