//! `sipsimple subscribe`: subscribes to the state of something, and prints each notification.

use std::path::PathBuf;

use clap::Args;
use sipsimple_core::agent::{EventKind as AgentEvent, Intent, Outcome};
use sipsimple_core::subscription::{Notify, SubscriptionEvent};
use sipsimple_core::time::Instant;
use sipsimple_drivers::EventKind;

use crate::client::Wake;
use crate::failure::Failure;
use crate::output::Output;
use crate::speaker::Speaker;
use crate::{account, words};

/// Options of `sipsimple subscribe`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The event package: presence, presence.winfo, message-summary, dialog, conference, xcap-diff
    package: String,
    /// Whose state, as in sip:bob@example.com; with an account also bob
    uri: String,
    /// For how many seconds; 0 asks for the state once
    #[arg(long, value_name = "SECS", default_value_t = 3600)]
    expires: u32,
    /// End after so many notifications
    #[arg(long, value_name = "N")]
    count: Option<u32>,
    /// Subscribe anew when the subscription fails or is ended by the other side
    #[arg(long)]
    persistent: bool,
    #[command(flatten)]
    account: account::Options,
}

/// Subscribes, and follows the subscription to its end.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let to = options.account.complete(&options.uri);
    let mut speaker = Speaker::start(&options.account, &to, trace, out)?;
    let intent = Intent::Subscribe {
        account: speaker.account,
        to: to.into(),
        event: options.package.as_str().into(),
        expires: Some(options.expires),
        content: None,
        eventlist: false,
        persistent: options.persistent,
        routes: Vec::new(),
    };
    let Outcome::Subscription(subscription) = speaker.client.application.intend(intent)? else {
        return Err(Failure::new("the application has stopped"));
    };
    let mut left = options.count;
    let mut ending = false;
    let result = loop {
        let news = match speaker.client.next(None) {
            Wake::Event(event) => match event.kind {
                EventKind::Agent(AgentEvent::Subscription { id, event: news, .. }) if id == subscription => {
                    Some((event.at, news))
                }
                _ => None,
            },
            Wake::Interrupt if ending => break Err(Failure::new("interrupted twice")),
            Wake::Interrupt => {
                ending = true;
                speaker.client.application.intend(Intent::EndSubscription(subscription))?;
                None
            }
            Wake::Due | Wake::Stopped => break Err(Failure::new("the application has stopped")),
        };
        match news {
            Some((at, SubscriptionEvent::DidStart)) => out.at(at, "subscribed"),
            Some((at, SubscriptionEvent::GotNotify(notify))) => {
                print(out, at, &notify);
                left = left.map(|left| left.saturating_sub(1));
                if left == Some(0) && !ending && options.expires > 0 {
                    ending = true;
                    speaker.client.application.intend(Intent::EndSubscription(subscription))?;
                }
            }
            Some((at, SubscriptionEvent::DidFail { cause, .. })) => {
                let words = format!("the subscription failed, {}", words::printable(&cause.to_string()));
                if !options.persistent {
                    break Err(Failure::new(words));
                }
                out.at(at, words);
            }
            Some((at, SubscriptionEvent::DidEnd { cause, .. })) => {
                out.at(at, format_args!("the subscription ended {}", words::printable(&cause.to_string())));
                if ending || !options.persistent {
                    break Ok(());
                }
            }
            Some(_) | None => {}
        }
    };
    speaker.client.stop();
    result.and_then(|()| speaker.client.written())
}

/// A notification: its state, and its body as it came.
fn print(out: Output, at: Instant, notify: &Notify) {
    let state = words::printable(&notify.subscription_state);
    let from = words::printable(&notify.from);
    match &notify.content {
        None => out.at(at, format_args!("NOTIFY {state} from {from}")),
        Some(content) => {
            let kind = words::printable(&content.content_type);
            out.at(at, format_args!("NOTIFY {state} from {from}, {kind}:"));
            for line in String::from_utf8_lossy(&content.body).lines() {
                out.line(format_args!("{:12}{}", "", words::printable(line)));
            }
        }
    }
}
