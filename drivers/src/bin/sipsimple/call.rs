//! `sipsimple call`: calls somebody.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sipsimple_core::agent::{EventKind as AgentEvent, Intent};
use sipsimple_core::cause::By;
use sipsimple_core::id::SessionId;
use sipsimple_core::media::Statistics;
use sipsimple_core::registration::RegistrationEvent;
use sipsimple_core::session::{Originator, SessionEvent};
use sipsimple_core::stream::{AudioSpec, StreamEvent, StreamSpec};
use sipsimple_core::time::{Instant, earliest};
use sipsimple_drivers::{Event, EventKind};

use crate::action::Action;
use crate::client::{Client, Wake};
use crate::failure::Failure;
use crate::known::{Known, tolerate};
use crate::output::Output;
use crate::script::{Schedule, Script};
use crate::sound::Sound;
use crate::value::Keys;
use crate::{account, extensions, media, register, script, sound, value, way, words};

/// The time from the start of the audio to the first digit: the remote party may still be opening its ears.
const BEFORE_DIGITS: Duration = Duration::from_millis(500);

/// Options of `sipsimple call`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Whom to call, as in sip:bob@example.com; with an account also bob
    uri: String,
    /// Who we are; sip:USER@ADDRESS if not said
    #[arg(long, value_name = "URI", conflicts_with = "account")]
    from: Option<String>,
    #[command(flatten)]
    account: account::Options,
    #[command(flatten)]
    extensions: extensions::Options,
    #[command(flatten)]
    media: media::Options,
    #[command(flatten)]
    sound: sound::Options,
    /// Press these keys when the call is established: 0-9, *, #, A-D
    #[arg(long, value_name = "DIGITS", value_parser = value::keys)]
    dtmf: Option<Keys>,
    /// What to do, and how many seconds after the call is established, as in "2s hold; 4s unhold; 5s dtmf 123#; 8s end":
    /// hold, unhold, dtmf KEYS, restart-ice, record, record FILE, add, remove, accept, reject, reject CODE, transfer URI, end
    #[arg(long = "do", value_name = "SCRIPT", value_parser = script::script)]
    script: Option<Script>,
    /// Leave the offer to the remote party: the INVITE goes out without one (RFC 3261 section 13.2.1)
    #[arg(long)]
    no_offer: bool,
    /// Call whom the remote party asks us to call instead (RFC 3515), and follow that call; refused if this is not said
    #[arg(long)]
    transfer: bool,
    /// Hang up after this long
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    duration: Option<Duration>,
}

/// Calls, and follows the call to its end.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let sound = Sound::open(&options.sound)?;
    let to = options.account.complete(&options.uri);
    let spec = options.account.spec()?;
    let target = way::target(&to)?;
    let uris: Vec<_> = options.account.account.iter().chain([&target]).collect();
    let (mut settings, listen) = options.account.way.settings(&uris)?;
    options.extensions.apply(&mut settings);
    options.media.configure(&mut settings)?;
    let mut client = Client::start(settings, trace, out)?;
    sound::open_card(&client.application, &options.sound.card, sound.plays())?;
    client.bound(&listen)?;
    let mut spec = spec.unwrap_or_else(|| options.account.nobody(&listen));
    options.media.apply(&mut spec);
    if let Some(from) = &options.from {
        spec.uri = from.as_str().into();
    }
    let (from, registers) = (spec.uri.clone(), spec.register);
    let account = client.application.add_account_spec(spec)?;
    if registers && let Err(failure) = register(&mut client, &from, out) {
        client.stop();
        return Err(failure);
    }
    let streams = [StreamSpec::Audio(AudioSpec::default())];
    let session = if options.no_offer {
        client.application.connect_without_offer(account, &to, &[], &streams)?
    } else {
        client.application.connect(account, &to, &[], &streams)?
    };
    let over = options.account.way.route.map_or_else(String::new, |route| format!(" over {route}"));
    out.at(client.application.now(), format_args!("calling {to}{over} as {from}"));
    let mut call = Call::new(&mut client, options, sound, out, Known::outgoing(session, to));
    let result = call.run();
    let (mut statistics, length) = (call.statistics, call.length);
    for event in client.stop() {
        if let EventKind::Statistics { statistics: last, .. } = event.kind {
            statistics = Some(last);
        }
    }
    if let (Some(statistics), Some(length)) = (statistics, length) {
        out.line(format_args!("{:12}{}", "", words::statistics(length, &statistics)));
    }
    result.and_then(|()| client.written())
}

/// Waits until the account is registered.
fn register(client: &mut Client, from: &str, out: Output) -> Result<(), Failure> {
    let name = from.split_once(':').map_or(from, |(_, name)| name);
    let mut first = account::First::default();
    loop {
        match client.next(None) {
            Wake::Event(event) => {
                let Some(news) = register::registration(&event) else { continue };
                first.judge(name, news)?;
                if let Some(words) = words::of_registration(name, news) {
                    out.at(event.at, words);
                }
                match news {
                    RegistrationEvent::DidSucceed { .. } => return Ok(()),
                    RegistrationEvent::DidFail { error, cause, .. } => {
                        return Err(account::not_registered(name, error, cause));
                    }
                    _ => {}
                }
            }
            Wake::Interrupt => return Err(Failure::new("interrupted")),
            Wake::Due => {}
            Wake::Stopped => return Err(Failure::new("the application has stopped")),
        }
    }
}

/// The call of the command: one, or where the remote party transfers it, one after the other.
struct Call<'a> {
    client: &'a mut Client,
    options: &'a Options,
    sound: Sound,
    out: Output,
    known: Known,
    /// The call that the remote party asked us to make instead, and when it was established.
    next: Option<(Known, Option<Instant>)>,
    /// What is still to be done.
    schedule: Schedule,
    hang_up: Option<Instant>,
    /// The streams that have started.
    streams: u64,
    started: Option<Instant>,
    /// How long the call was, when it is over.
    length: Option<Duration>,
    /// What was counted, when it is over.
    statistics: Option<Box<Statistics>>,
    interrupted: bool,
}

impl<'a> Call<'a> {
    fn new(client: &'a mut Client, options: &'a Options, sound: Sound, out: Output, known: Known) -> Self {
        Self {
            client,
            options,
            sound,
            out,
            known,
            next: None,
            schedule: Schedule::default(),
            hang_up: None,
            streams: 0,
            started: None,
            length: None,
            statistics: None,
            interrupted: false,
        }
    }

    /// Follows the call to its end.
    fn run(&mut self) -> Result<(), Failure> {
        loop {
            let due = earliest(earliest(self.known.due(), self.schedule.due()), self.hang_up);
            match self.client.next(due) {
                Wake::Event(event) => {
                    if let Some(end) = self.event(&event)? {
                        return end;
                    }
                }
                Wake::Due => self.due()?,
                Wake::Interrupt if self.interrupted => return Err(Failure::new("interrupted twice")),
                Wake::Interrupt => {
                    self.interrupted = true;
                    self.end()?;
                }
                Wake::Stopped => return Err(Failure::new("the application has stopped")),
            }
        }
    }

    /// Takes an event; the result of the call when it is over.
    fn event(&mut self, event: &Event) -> Result<Option<Result<(), Failure>>, Failure> {
        match &event.kind {
            EventKind::Agent(AgentEvent::Session { id, event: news }) if *id == self.known.id => {
                if let Some(words) = words::of_session(news) {
                    self.out.at(event.at, words);
                }
                self.known.session(news);
                if matches!(news, SessionEvent::TransferNewIncoming { .. }) {
                    self.transfer()?;
                }
                Ok(self.session(event.at, news))
            }
            EventKind::Agent(AgentEvent::Session { id, event: news }) if self.is_next(*id) => {
                if let Some(words) = words::of_session(news) {
                    self.out.at(event.at, words);
                }
                self.of_next(event.at, news);
                Ok(None)
            }
            EventKind::Agent(AgentEvent::Stream { id, session, event: news, .. })
                if *session == self.known.id || self.is_next(*session) =>
            {
                if let Some(words) = words::of_stream(news) {
                    self.out.at(event.at, words);
                }
                let known = self.next.as_mut().map(|(next, _)| next).filter(|next| next.id == *session);
                known.unwrap_or(&mut self.known).stream(*id, news);
                if matches!(news, StreamEvent::DidStart { .. }) {
                    self.streams += 1;
                    self.sound.start(self.client, *id, self.streams)?;
                    if let (1, Some(keys)) = (self.streams, &self.options.dtmf) {
                        self.known.press(event.at + BEFORE_DIGITS, &keys.0);
                    }
                }
                Ok(None)
            }
            EventKind::Statistics { statistics, .. } => {
                self.statistics = Some(statistics.clone());
                Ok(None)
            }
            _ => Ok(None),
        }
    }

    /// Calls whom the remote party asks us to call, or refuses to.
    fn transfer(&mut self) -> Result<(), Failure> {
        let application = &self.client.application;
        if self.options.transfer {
            match self.known.follow(application) {
                Ok(next) => {
                    self.next = Some((next, None));
                    return Ok(());
                }
                Err(failure) => self.out.at(application.now(), failure),
            }
        }
        tolerate(application.intend(Intent::RejectTransfer { session: self.known.id, code: 603 }).map(drop))
    }

    /// Whether this is the call that follows.
    fn is_next(&self, session: SessionId) -> bool {
        self.next.as_ref().is_some_and(|(next, _)| next.id == session)
    }

    /// Takes news of the call that follows. If it fails, the remote party is told, and the call goes on.
    fn of_next(&mut self, at: Instant, news: &SessionEvent) {
        match news {
            SessionEvent::DidStart { .. } => {
                if let Some((_, started)) = &mut self.next {
                    *started = Some(at);
                }
            }
            SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => self.next = None,
            _ => {}
        }
    }

    fn session(&mut self, at: Instant, news: &SessionEvent) -> Option<Result<(), Failure>> {
        match news {
            SessionEvent::DidEnd { .. } if self.next.is_some() => {
                if let Some((next, started)) = self.next.take() {
                    (self.known, self.started) = (next, started);
                }
                None
            }
            SessionEvent::DidStart { .. } => {
                self.started = Some(at);
                self.hang_up = self.options.duration.map(|time| at + time);
                if let Some(script) = &self.options.script {
                    self.schedule = script.begin(at);
                }
                None
            }
            SessionEvent::DidFail { originator, code, reason, failure_reason, redirect_identities, .. } => {
                let mut words = words::ending(*originator, *code, reason, failure_reason);
                if !redirect_identities.is_empty() {
                    let to: Vec<String> = redirect_identities.iter().map(|uri| words::printable(uri)).collect();
                    words += &format!("; try {}", to.join(" or "));
                }
                Some(Err(Failure::new(format!("the call was not established: {words}"))))
            }
            SessionEvent::DidEnd { originator, end_reason, cause, .. } => {
                self.length = self.started.map(|started| at.saturating_since(started));
                // What this side ends without being asked to is a failure of its own.
                let own_failure = *originator == Originator::Local && end_reason != "user request";
                Some(match cause.by {
                    _ if self.started.is_none() => {
                        Err(Failure::new(format!("the call was not established: {}", words::printable(end_reason))))
                    }
                    By::Local if own_failure => {
                        Err(Failure::new(format!("the call ended: {}", words::printable(end_reason))))
                    }
                    By::Local | By::Remote => Ok(()),
                    By::Network | By::Timeout => Err(Failure::new(format!("the call was ended {cause}"))),
                })
            }
            _ => None,
        }
    }

    /// Presses the next key, does what the script says, or hangs up, whichever is due.
    fn due(&mut self) -> Result<(), Failure> {
        let now = self.client.application.now();
        self.known.tick(&self.client.application, self.out)?;
        while let Some(action) = self.schedule.next(now) {
            self.known.act(&self.client.application, &action)?;
        }
        if self.hang_up.is_some_and(|at| at <= now) {
            self.hang_up = None;
            self.end()?;
        }
        Ok(())
    }

    /// Hangs up.
    fn end(&mut self) -> Result<(), Failure> {
        for known in std::iter::once(&mut self.known).chain(self.next.as_mut().map(|(next, _)| next)) {
            known.act(&self.client.application, &Action::End)?;
        }
        Ok(())
    }
}
