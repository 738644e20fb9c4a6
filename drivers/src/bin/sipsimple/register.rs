//! `sipsimple register`: registers an account, and keeps it registered.

use std::path::PathBuf;

use clap::Args;
use sipsimple_core::agent::EventKind as AgentEvent;
use sipsimple_core::registration::RegistrationEvent;
use sipsimple_core::sip::SipUri;
use sipsimple_drivers::{Event, EventKind};

use crate::account::First;
use crate::client::{Client, Wake};
use crate::failure::Failure;
use crate::output::Output;
use crate::way::Way;
use crate::{account, words};

/// Options of `sipsimple register`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The account, as in alice@example.com
    #[arg(value_parser = account::id)]
    account: SipUri,
    /// The file whose first line is the password
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// Ask to be registered for this many seconds
    #[arg(long, value_name = "SECS", default_value_t = 600, value_parser = clap::value_parser!(u32).range(1..))]
    expires: u32,
    /// Register, print the contacts, unregister, and end
    #[arg(long)]
    once: bool,
    #[command(flatten)]
    way: Way,
}

/// Registers until somebody interrupts.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let mut spec = account::spec(&options.account, options.password_file.as_deref(), &options.way)?;
    spec.register = true;
    spec.register_interval = options.expires;
    let (settings, listen) = options.way.settings(&[&options.account])?;
    let mut client = Client::start(settings, trace, out)?;
    client.bound(&listen)?;
    client.application.add_account_spec(spec)?;
    let name = name(&options.account);
    let mut registering = Registering { name: &name, first: First::default(), once: options.once, out };
    let result = registering.run(&mut client);
    let mut left = None;
    for event in client.stop() {
        if let Some(news) = registration(&event) {
            tell(&event, news, &name, out);
            if let RegistrationEvent::DidNotEnd { code, reason, .. } = news {
                left = Some(Failure::new(format!("{name} was not unregistered: {code} {}", words::printable(reason))));
            }
        }
    }
    result.and_then(|()| left.map_or(Ok(()), Err)).and_then(|()| client.written())
}

struct Registering<'a> {
    name: &'a str,
    first: First,
    once: bool,
    out: Output,
}

impl Registering<'_> {
    fn run(&mut self, client: &mut Client) -> Result<(), Failure> {
        loop {
            match client.next(None) {
                Wake::Event(event) => {
                    let Some(news) = registration(&event) else { continue };
                    self.first.judge(self.name, news)?;
                    tell(&event, news, self.name, self.out);
                    match news {
                        RegistrationEvent::DidSucceed { .. } if self.once => return Ok(()),
                        RegistrationEvent::DidFail { error, cause, .. } if self.once => {
                            return Err(account::not_registered(self.name, error, cause));
                        }
                        _ => {}
                    }
                }
                Wake::Interrupt => return Ok(()),
                Wake::Due => {}
                Wake::Stopped => return Err(Failure::new("the application has stopped")),
            }
        }
    }
}

/// The name of an account, without its scheme.
pub(crate) fn name(account: &SipUri) -> String {
    let text = account.to_string();
    text.split_once(':').map_or_else(|| text.clone(), |(_, name)| name.to_owned())
}

/// The news of a registration in an event.
pub(crate) const fn registration(event: &Event) -> Option<&RegistrationEvent> {
    match &event.kind {
        EventKind::Agent(AgentEvent::Registration { event, .. }) => Some(event),
        _ => None,
    }
}

/// Says to a person what became of the registration.
pub(crate) fn tell(event: &Event, news: &RegistrationEvent, name: &str, out: Output) {
    if let Some(words) = words::of_registration(name, news) {
        out.at(event.at, words);
    }
    if let RegistrationEvent::DidSucceed { contacts, .. } = news {
        for contact in contacts {
            out.line(format_args!("{:12}{}", "", words::printable(contact)));
        }
    }
}
