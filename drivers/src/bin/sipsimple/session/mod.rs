//! `sipsimple session`: calls as commands are typed, many at once.

mod command;
mod exchange;
mod file_names;
mod terminal;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sipsimple_core::agent::{AccountSpec, Agent, EventKind as AgentEvent, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{AudioSpec, Originator, StreamSpec};
use sipsimple_core::time::{Instant, earliest};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::disk::{FileHashEvent, FileHashId};
use sipsimple_drivers::{Event, EventKind, Settings};

use crate::action::Action;
use crate::client::{Client, Wake};
use crate::failure::Failure;
use crate::known::{Known, Proposed, tolerate};
use crate::output::Output;
use crate::{account, extensions, json, media, msrp, register, send, sound, value, words};
use command::{COMMANDS, Command};
use exchange::Exchange;
use terminal::Terminal;

/// Options of `sipsimple session`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    account: account::Options,
    /// Where to listen, udp|tcp|tls:ADDRESS:PORT; port 0 is any. Default: as the settings say, or udp and tcp, 0.0.0.0:5060
    #[arg(long, value_name = "SOCKET", value_parser = value::socket)]
    listen: Vec<Route>,
    /// Keep settings, accounts and the history of commands in this directory
    #[arg(long, value_name = "DIR")]
    config: Option<PathBuf>,
    /// Put files here that come, and are accepted
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    #[command(flatten)]
    extensions: extensions::Options,
    #[command(flatten)]
    media: media::Options,
    #[command(flatten)]
    card: sound::Card,
    #[command(flatten)]
    msrp: msrp::Options,
}

/// Does what is typed until /quit, the end of the input, or an interrupt.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let default = [Transport::Udp, Transport::Tcp].map(|transport| Route::new(transport, ([0, 0, 0, 0], 5060).into()));
    let listen = match (&options.config, options.listen.as_slice()) {
        (Some(_), listen) => listen,
        (None, []) => &default[..],
        (None, listen) => listen,
    };
    options.account.way.tls.check(listen)?;
    let mut settings = Settings::listening(listen.iter().copied());
    settings.directory.clone_from(&options.config);
    options.account.way.apply(&mut settings);
    options.extensions.apply(&mut settings);
    options.media.configure(&mut settings)?;
    let mut client = Client::start(settings, trace, out)?;
    sound::open_card(&client.application, &options.card, false)?;
    for (transport, local) in client.bound(listen)? {
        out.line(format_args!("listening {transport} {local}"));
    }
    let stored = client.application.with_agent(|agent, _| agent.default_account())?;
    let account = match (options.account.spec()?, stored) {
        (Some(mut spec), _) => {
            options.media.apply(&mut spec);
            options.msrp.apply(&mut spec);
            client.application.add_account_spec(spec)?
        }
        (None, Some(account)) => account,
        (None, None) => {
            let mut anybody = AccountSpec { any_user: true, ..options.account.nobody(listen) };
            options.media.apply(&mut anybody);
            options.msrp.apply(&mut anybody);
            client.application.add_account_spec(anybody)?
        }
    };
    let terminal = Terminal::open(options.config.as_ref().map(|directory| directory.join("history")))?;
    let exchange = Exchange::new(out, options.dir.clone());
    let (calls, current, traces) = (BTreeMap::new(), None, false);
    let hashed = BTreeMap::new();
    Desk { client: &mut client, terminal, options, out, account, exchange, hashed, calls, current, traces }.run()?;
    for event in client.stop() {
        tell(&event, out);
    }
    client.written()
}

/// A call, and since when it is established.
#[derive(Debug)]
struct Call {
    known: Known,
    began: Option<Instant>,
    /// Whether we, and whether they, have it on hold.
    held: (bool, bool),
}

/// To whom something is proposed.
#[derive(Debug)]
enum To {
    Somebody(String),
    Call(SessionId),
}

/// The state of the command.
struct Desk<'a> {
    client: &'a mut Client,
    terminal: Terminal,
    options: &'a Options,
    out: Output,
    account: AccountId,
    exchange: Exchange,
    /// The files that are being hashed, and to whom they go.
    hashed: BTreeMap<FileHashId, (To, PathBuf)>,
    calls: BTreeMap<SessionId, Call>,
    current: Option<SessionId>,
    /// Whether every event is printed.
    traces: bool,
}

/// The number of a call, for people.
const fn number(id: SessionId) -> u64 {
    id.as_u64() + 1
}

impl Desk<'_> {
    fn run(&mut self) -> Result<(), Failure> {
        self.terminal.go();
        loop {
            let due = self.calls.values().fold(None, |due, call| earliest(due, call.known.due()));
            match self.client.next_or(due, self.terminal.line()) {
                Ok(Wake::Event(event)) => self.event(&event)?,
                Ok(Wake::Due) => {
                    for call in self.calls.values_mut() {
                        call.known.tick(&self.client.application, self.out)?;
                    }
                }
                Err(Some(line)) => {
                    match Command::parse(&line) {
                        Ok(Command::Quit) => return Ok(()),
                        Ok(command) => {
                            // What cannot be done is said, and the next command may do better.
                            if let Err(failure) = self.command(command) {
                                self.say(failure);
                            }
                        }
                        Err(words) => self.say(words),
                    }
                    self.terminal.go();
                }
                Err(None) | Ok(Wake::Interrupt) => return Ok(()),
                Ok(Wake::Stopped) => return Err(Failure::new("the application has stopped")),
            }
        }
    }

    fn say(&self, words: impl std::fmt::Display) {
        self.out.at(self.client.application.now(), words);
    }

    fn command(&mut self, command: Command) -> Result<(), Failure> {
        match command {
            Command::Call(to) => self.propose(To::Somebody(to), &[StreamSpec::Audio(AudioSpec::default())]).map(drop),
            Command::Chat(to) => {
                let to = to.map_or_else(|| self.here().map(To::Call), |to| Ok(To::Somebody(to)))?;
                self.propose(to, &exchange::chat()).map(drop)
            }
            Command::Send(to, file) => {
                let to = to.map_or_else(|| self.here().map(To::Call), |to| Ok(To::Somebody(to)))?;
                let hashing = self.client.application.hash_file(&file, None);
                let hashing =
                    hashing.map_err(|error| Failure::new(format!("cannot read {}: {error}", file.display())))?;
                self.hashed.insert(hashing.id(), (to, file));
                Ok(())
            }
            Command::Say(text) => self.exchange.say(&self.client.application, self.here()?, &text),
            Command::Act(action) => {
                let session = self.here()?;
                let call = self.calls.get_mut(&session).ok_or_else(|| Failure::new("there is no call"))?;
                if action == Action::Accept && call.known.asks_for_transfer() {
                    let next = call.known.follow(&self.client.application)?;
                    self.say(format_args!("call {}: calling {}", number(next.id), next.remote));
                    self.enter(next);
                    return Ok(());
                }
                if action == Action::Accept {
                    self.exchange.make_room(&self.client.application, session, call.known.proposed())?;
                }
                call.known.act(&self.client.application, &action)
            }
            Command::Join(other) => {
                let session = self.here()?;
                let found = self.calls.iter().find(|(id, _)| number(**id) == other && **id != session);
                let (replaced, call) = found.ok_or_else(|| Failure::new(format!("there is no other call {other}")))?;
                let (target, replaced) = (call.known.remote.as_str().into(), Some(*replaced));
                Ok(self.client.application.intend(Intent::Transfer { session, target, replaced }).map(drop)?)
            }
            Command::Next => self.step(|ids, place| ids.get(place + 1).or_else(|| ids.first()).copied()),
            Command::Previous => {
                self.step(|ids, place| place.checked_sub(1).map_or_else(|| ids.last(), |at| ids.get(at)).copied())
            }
            Command::Sessions => {
                self.list();
                Ok(())
            }
            Command::Trace => {
                self.traces = !self.traces;
                self.say(if self.traces { "every event is printed" } else { "events are printed in words" });
                Ok(())
            }
            Command::Help => {
                for (name, takes, what) in COMMANDS {
                    self.out.line(format_args!("/{:<24} {what}", format!("{name} {takes}")));
                }
                Ok(())
            }
            Command::Quit | Command::Empty => Ok(()),
        }
    }

    /// The current call.
    fn here(&self) -> Result<SessionId, Failure> {
        self.current.ok_or_else(|| Failure::new("there is no call"))
    }

    /// Calls somebody, or adds to a call. The names of the streams.
    fn propose(&mut self, to: To, streams: &[StreamSpec]) -> Result<Vec<StreamId>, Failure> {
        let application = &self.client.application;
        let to = match to {
            To::Somebody(to) => self.options.account.complete(&to),
            To::Call(session) => {
                return match application.intend(Intent::AddStreams { session, streams: streams.to_vec() })? {
                    Outcome::Streams(streams) => Ok(streams),
                    _ => Ok(Vec::new()),
                };
            }
        };
        let session = application.connect(self.account, &to, &[], streams)?;
        let look = move |agent: &mut Agent, now| agent.session(now, session).map(|session| session.streams());
        let streams = application.with_agent(look)?.unwrap_or_default();
        self.say(format_args!("call {}: calling {to}", number(session)));
        self.enter(Known::outgoing(session, to));
        Ok(streams)
    }

    /// A file that is to be sent was hashed.
    fn hashed(&mut self, at: Instant, id: FileHashId, news: &FileHashEvent) -> Result<(), Failure> {
        let selector = match news {
            FileHashEvent::DidInitialize { selector } => selector.clone(),
            FileHashEvent::DidNotInitialize { reason } => {
                let Some((_, file)) = self.hashed.remove(&id) else { return Ok(()) };
                self.say(format_args!("cannot read {}: {}", file.display(), words::printable(reason)));
                return Ok(());
            }
            _ => return Ok(()),
        };
        let Some((to, file)) = self.hashed.remove(&id) else { return Ok(()) };
        let size = selector.size.unwrap_or_default();
        let spec = send::spec(&file, selector, 0);
        // What cannot be proposed is said, and the next may do better.
        match self.propose(to, &exchange::file(spec)) {
            Ok(streams) => {
                for stream in streams {
                    self.exchange.sends(stream, at, file.clone(), size);
                }
            }
            Err(failure) => self.say(failure),
        }
        Ok(())
    }

    /// Makes a call the current one.
    fn enter(&mut self, known: Known) {
        let id = known.id;
        self.calls.insert(id, Call { known, began: None, held: (false, false) });
        self.current = Some(id);
    }

    /// Goes to another call.
    fn step(&mut self, to: impl Fn(&[SessionId], usize) -> Option<SessionId>) -> Result<(), Failure> {
        let ids: Vec<SessionId> = self.calls.keys().copied().collect();
        let place = self.current.and_then(|current| ids.iter().position(|id| *id == current)).unwrap_or_default();
        self.current = Some(to(&ids, place).ok_or_else(|| Failure::new("there is no call"))?);
        self.list();
        Ok(())
    }

    fn list(&self) {
        let now = self.client.application.now();
        for (id, call) in &self.calls {
            let mark = if self.current == Some(*id) { '*' } else { ' ' };
            self.out.line(format_args!("{mark} call {}: {}", number(*id), call.words(now)));
        }
        if self.calls.is_empty() {
            self.out.line("there is no call");
        }
    }

    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        if self.traces {
            self.out.line(json::line(event));
        } else {
            tell(event, self.out);
        }
        match &event.kind {
            EventKind::Agent(AgentEvent::Session { id, event: news }) => self.session(event.at, *id, news),
            EventKind::Agent(AgentEvent::Stream { id, session, event: news, .. }) => {
                if let Some(call) = self.calls.get_mut(session) {
                    call.known.stream(*id, news);
                }
                let application = &self.client.application;
                self.exchange.stream(application, event.at, number(*session), (*session, *id), news)
            }
            EventKind::FileHash { id, event: news } => self.hashed(event.at, *id, news),
            _ => Ok(()),
        }
    }

    fn session(&mut self, at: Instant, id: SessionId, news: &SessionEvent) -> Result<(), Failure> {
        match news {
            SessionEvent::NewIncoming { remote_identity, streams, .. } => {
                let before = self.current;
                let proposed = Proposed::ByThem(streams.clone());
                self.enter(Known::incoming(id, &words::printable(remote_identity), proposed));
                self.current = before.or(Some(id));
                tolerate(self.client.application.send_ring_indication(id))?;
            }
            SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => {
                self.calls.remove(&id);
                if self.current == Some(id) {
                    self.current = self.calls.keys().next_back().copied();
                }
            }
            _ => {}
        }
        let Some(call) = self.calls.get_mut(&id) else { return Ok(()) };
        call.known.session(news);
        match news {
            SessionEvent::DidStart { .. } => call.began = Some(at),
            SessionEvent::DidChangeHoldState { originator: Originator::Local, on_hold, .. } => call.held.0 = *on_hold,
            SessionEvent::DidChangeHoldState { originator: Originator::Remote, on_hold, .. } => call.held.1 = *on_hold,
            _ => {}
        }
        Ok(())
    }
}

impl Call {
    fn words(&self, now: Instant) -> String {
        let state = match self.began {
            Some(began) => format!("for {} s", Duration::as_secs(&now.saturating_since(began))),
            None if self.known.rings => "rings here".to_owned(),
            None => "is being called".to_owned(),
        };
        let held = match self.held {
            (false, false) => "",
            (true, false) => ", on hold by us",
            (false, true) => ", on hold by them",
            (true, true) => ", on hold by both",
        };
        format!("{} {state}{held}", self.known.remote)
    }
}

/// Says to a person what happened.
fn tell(event: &Event, out: Output) {
    let (session, words) = match &event.kind {
        EventKind::Agent(AgentEvent::Session { id, event: news }) => (*id, words::of_session(news)),
        EventKind::Agent(AgentEvent::Stream { session, event: news, .. }) => (*session, words::of_stream(news)),
        EventKind::Audio(news) => {
            if let Some(words) = words::of_audio(news) {
                out.at(event.at, words);
            }
            return;
        }
        EventKind::Agent(AgentEvent::Registration { event: news, .. }) => {
            register::tell(event, news, "the account", out);
            return;
        }
        _ => return,
    };
    if let Some(words) = words {
        out.at(event.at, format_args!("call {}: {words}", number(session)));
    }
}
