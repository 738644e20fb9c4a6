//! `sipsimple answer`: waits for calls and answers them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};
use sipsimple_core::agent::{AccountSpec, EventKind as AgentEvent, Intent, Outcome};
use sipsimple_core::id::{IncomingSubscriptionId, SessionId, StreamId};
use sipsimple_core::notifier::NotifierEvent;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::{AudioSpec, ChatSpec, Originator, StreamEvent, StreamSpec};
use sipsimple_core::time::{Instant, earliest};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{Event, EventKind, Settings};

use crate::account::First;
use crate::client::{Client, Wake};
use crate::failure::Failure;
use crate::known::{Known, Proposed, tolerate};
use crate::output::Output;
use crate::script::{Schedule, Script};
use crate::sound::Sound;
use crate::{account, extensions, media, register, script, sound, value, words};

/// How long peers may repeat themselves after the last call over UDP: a BYE whose answer was lost comes again after 0.5 s
/// and after 1.5 s.
const LINGER: Duration = Duration::from_secs(2);

/// Options of `sipsimple answer`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    account: account::Options,
    /// Where to listen, udp|tcp|tls:ADDRESS:PORT; port 0 is any. Default: udp and tcp, 0.0.0.0:5060
    #[arg(long, value_name = "SOCKET", value_parser = value::socket)]
    pub(crate) listen: Vec<Route>,
    #[command(flatten)]
    extensions: extensions::Options,
    #[command(flatten)]
    media: media::Options,
    #[command(flatten)]
    sound: sound::Options,
    /// Send back what the caller says
    #[arg(long)]
    echo: bool,
    /// Ring for this long before answering
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    ring: Option<Duration>,
    /// What to do in each call, and how many seconds after it is established, as in "2s hold; 4s unhold; 8s end". A script
    /// that begins with accept or reject answers the call itself, and counts from its arrival
    #[arg(long = "do", value_name = "SCRIPT", value_parser = script::script, conflicts_with_all = ["ring", "reject"])]
    script: Option<Script>,
    /// Reject every call with this status code, 300 to 699
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(300..=699), conflicts_with = "ring")]
    reject: Option<u16>,
    /// What to offer to callers that leave it to us, in this order
    #[arg(long, value_name = "KIND", value_enum, value_delimiter = ',', default_value = "audio")]
    offer: Vec<Offered>,
    /// Call whom a caller asks us to call instead (RFC 3515). Callers choose then whom we call, so that it is refused if this is not said
    #[arg(long)]
    transfer: bool,
    /// End after N calls
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// What can be offered.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Offered {
    Audio,
    Chat,
}

impl Options {
    /// What a call is answered with that came with these streams, or without an offer.
    fn proposed(&self, streams: &[StreamId], without_offer: bool) -> Proposed {
        if without_offer {
            return Proposed::ByUs(self.offer.iter().copied().map(Offered::spec).collect());
        }
        Proposed::ByThem(streams.to_vec())
    }
}

impl Offered {
    fn spec(self) -> StreamSpec {
        match self {
            Self::Audio => StreamSpec::Audio(AudioSpec::default()),
            Self::Chat => StreamSpec::Chat(ChatSpec::default()),
        }
    }
}

/// Answers calls until `--count` of them are over, or somebody interrupts.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let sound = Sound::open(&options.sound)?;
    let default = [Transport::Udp, Transport::Tcp].map(|transport| Route::new(transport, ([0, 0, 0, 0], 5060).into()));
    let listen = if options.listen.is_empty() { &default[..] } else { &options.listen };
    options.account.way.tls.check(listen)?;
    let mut settings = Settings::listening(listen.iter().copied());
    options.account.way.apply(&mut settings);
    options.extensions.apply(&mut settings);
    options.media.configure(&mut settings)?;
    let mut client = Client::start(settings, trace, out)?;
    sound::open_card(&client.application, &options.sound.card, options.echo || sound.plays())?;
    for (transport, local) in client.bound(listen)? {
        out.line(format_args!("listening {transport} {local}"));
    }
    let mut account = match options.account.spec()? {
        Some(spec) => spec,
        None => AccountSpec { any_user: true, ..options.account.nobody(listen) },
    };
    options.media.apply(&mut account);
    client.application.add_account_spec(account)?;
    let mut answering = Answering {
        client: &mut client,
        options,
        sound,
        out,
        name: options.account.account.as_ref().map(register::name).unwrap_or_default(),
        first: First::default(),
        lossy: listen.iter().any(|route| !route.transport.is_reliable()),
        ringing: BTreeMap::new(),
        transferred: BTreeSet::new(),
        scripted: BTreeMap::new(),
        streams: BTreeMap::new(),
        recorded: 0,
        over: 0,
    };
    let result = answering.run();
    let mut streams = answering.streams;
    let name = answering.name;
    for event in client.stop() {
        tell(&event, &mut streams, out);
        if let Some(news) = register::registration(&event) {
            register::tell(&event, news, &name, out);
        }
    }
    result.and_then(|()| client.written())
}

/// The state of the command.
struct Answering<'a> {
    client: &'a mut Client,
    options: &'a Options,
    sound: Sound,
    out: Output,
    /// The account that is registered, if one is.
    name: String,
    first: First,
    /// Whether answers may be lost.
    lossy: bool,
    /// The calls that are to be answered, and when.
    ringing: BTreeMap<SessionId, (Instant, Proposed)>,
    /// The calls that callers asked us to make.
    transferred: BTreeSet<SessionId>,
    /// The calls that follow a script, and what is still to be done in them.
    scripted: BTreeMap<SessionId, (Known, Schedule)>,
    streams: Streams,
    /// Calls that had audio.
    recorded: u64,
    /// Calls to us that are over.
    over: u64,
}

/// The streams whose last report has not come: whose they are, and when they began.
type Streams = BTreeMap<StreamId, (SessionId, Instant)>;

impl Answering<'_> {
    /// Until enough calls are over, or somebody interrupts.
    fn run(&mut self) -> Result<(), Failure> {
        let mut end = None;
        loop {
            let now = self.client.application.now();
            let enough = self.options.count.is_some_and(|count| self.over >= count);
            if end.is_none() && enough && self.transferred.is_empty() {
                end = Some(now + if self.lossy { LINGER } else { Duration::ZERO });
            }
            if end.is_some_and(|end| now >= end) {
                return Ok(());
            }
            let due = self.ringing.values().fold(end, |due, (at, _)| earliest(due, Some(*at)));
            let due = self
                .scripted
                .values()
                .fold(due, |due, (known, schedule)| earliest(earliest(due, known.due()), schedule.due()));
            match self.client.next(due) {
                Wake::Event(event) => {
                    tell(&event, &mut self.streams, self.out);
                    self.act(&event)?;
                }
                Wake::Due => {
                    self.answer_due()?;
                    self.script_due()?;
                }
                Wake::Interrupt => return Ok(()),
                Wake::Stopped => return Err(Failure::new("the application has stopped")),
            }
        }
    }

    fn act(&mut self, event: &Event) -> Result<(), Failure> {
        self.follow_script(event);
        match &event.kind {
            EventKind::Agent(AgentEvent::Registration { event: news, .. }) => {
                self.first.judge(&self.name, news)?;
                register::tell(event, news, &self.name, self.out);
                Ok(())
            }
            EventKind::Agent(AgentEvent::Session { id, event: news }) => match news {
                SessionEvent::NewIncoming { streams, without_offer, .. } => {
                    let proposed = self.options.proposed(streams, *without_offer);
                    self.incoming(event.at, *id, proposed)
                }
                SessionEvent::GotProposal { originator: Originator::Remote, streams, .. }
                    if self.options.script.is_none() =>
                {
                    let (session, streams) = (*id, streams.clone());
                    let accepted = self.client.application.intend(Intent::AcceptProposal { session, streams });
                    tolerate(accepted.map(drop))
                }
                SessionEvent::TransferNewIncoming { .. } => self.transfer(*id),
                SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => {
                    self.ringing.remove(id);
                    self.over += u64::from(!self.transferred.remove(id));
                    Ok(())
                }
                _ => Ok(()),
            },
            EventKind::Agent(AgentEvent::IncomingSubscription {
                id, event: NotifierEvent::GotRefer { .. }, ..
            }) => self.refer(*id),
            EventKind::Agent(AgentEvent::Stream { id, event: StreamEvent::DidStart { .. }, .. }) => self.started(*id),
            _ => Ok(()),
        }
    }

    /// Begins the script of a call that has begun, and keeps what it has to know of the call.
    fn follow_script(&mut self, event: &Event) {
        let Some(script) = &self.options.script else { return };
        match &event.kind {
            EventKind::Agent(AgentEvent::Session { id, event: news }) => {
                if let SessionEvent::NewIncoming { streams, remote_identity, without_offer, .. } = news {
                    let schedule = if script.answers() { script.begin(event.at) } else { Schedule::default() };
                    let proposed = self.options.proposed(streams, *without_offer);
                    self.scripted.insert(*id, (Known::incoming(*id, remote_identity, proposed), schedule));
                }
                let Some((known, schedule)) = self.scripted.get_mut(id) else { return };
                known.session(news);
                match news {
                    SessionEvent::DidStart { .. } if !script.answers() => *schedule = script.begin(event.at),
                    SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => drop(self.scripted.remove(id)),
                    _ => {}
                }
            }
            EventKind::Agent(AgentEvent::Stream { id, session, event: news, .. }) => {
                if let Some((known, _)) = self.scripted.get_mut(session) {
                    known.stream(*id, news);
                }
            }
            _ => {}
        }
    }

    /// Does what the scripts say now.
    fn script_due(&mut self) -> Result<(), Failure> {
        let application = &self.client.application;
        let now = application.now();
        for (known, schedule) in self.scripted.values_mut() {
            known.tick(application, self.out)?;
            while let Some(action) = schedule.next(now) {
                known.act(application, &action)?;
            }
        }
        Ok(())
    }

    fn incoming(&mut self, at: Instant, id: SessionId, proposed: Proposed) -> Result<(), Failure> {
        if self.options.script.as_ref().is_some_and(Script::answers) {
            return tolerate(self.client.application.send_ring_indication(id));
        }
        let application = &self.client.application;
        let done = match (self.options.reject, self.options.ring) {
            (Some(code), _) => application.reject(id, code, None),
            (None, Some(time)) => {
                self.ringing.insert(id, (at + time, proposed));
                application.send_ring_indication(id)
            }
            (None, None) => proposed.accept(application, id),
        };
        tolerate(done)
    }

    /// Calls whom a caller asks us to call, or refuses to.
    fn transfer(&mut self, session: SessionId) -> Result<(), Failure> {
        let streams = vec![StreamSpec::Audio(AudioSpec::default())];
        self.follow(
            Intent::AcceptTransfer { session, routes: Vec::new(), streams },
            Intent::RejectTransfer { session, code: 603 },
        )
    }

    /// The same, where somebody asks who is in no call with us.
    fn refer(&mut self, subscription: IncomingSubscriptionId) -> Result<(), Failure> {
        let streams = vec![StreamSpec::Audio(AudioSpec::default())];
        self.follow(
            Intent::AcceptRefer { subscription, routes: Vec::new(), streams },
            Intent::RejectSubscription { subscription, code: 603, reason: None },
        )
    }

    fn follow(&mut self, accept: Intent, reject: Intent) -> Result<(), Failure> {
        let application = &self.client.application;
        match application.intend(if self.options.transfer { accept } else { reject }) {
            Ok(Outcome::Session(id)) => {
                self.transferred.insert(id);
                Ok(())
            }
            done => tolerate(done.map(drop)),
        }
    }

    fn answer_due(&mut self) -> Result<(), Failure> {
        let now = self.client.application.now();
        let due: Vec<SessionId> = self.ringing.iter().filter(|(_, (at, _))| *at <= now).map(|(id, _)| *id).collect();
        for id in due {
            if let Some((_, proposed)) = self.ringing.remove(&id) {
                tolerate(proposed.accept(&self.client.application, id))?;
            }
        }
        Ok(())
    }

    fn started(&mut self, stream: StreamId) -> Result<(), Failure> {
        if self.options.echo {
            sound::still_there(self.client.application.echo(stream, true))?;
        }
        self.recorded += 1;
        self.sound.start(self.client, stream, self.recorded)
    }
}

/// Says to a person what happened.
fn tell(event: &Event, streams: &mut Streams, out: Output) {
    if let Some(words) = words::of_message(&event.kind) {
        out.at(event.at, words);
    }
    let (session, words) = match &event.kind {
        EventKind::Agent(AgentEvent::Session { id, event: news }) => (*id, words::of_session(news)),
        EventKind::Agent(AgentEvent::Stream { id, session, event: news, .. }) => {
            if matches!(news, StreamEvent::DidStart { .. }) {
                streams.insert(*id, (*session, event.at));
            }
            (*session, words::of_stream(news))
        }
        EventKind::Statistics { stream, statistics } => {
            let Some((session, began)) = streams.remove(stream) else { return };
            (session, Some(words::statistics(event.at.saturating_since(began), statistics)))
        }
        _ => return,
    };
    if let Some(words) = words {
        out.at(event.at, format_args!("call {}: {words}", session.as_u64() + 1));
    }
}
