//! `sipsimple conference`: takes calls, and lets all callers hear each other.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use sipsimple_audio::conference::ConferenceId;
use sipsimple_audio::engine::{Engine, PortId};
use sipsimple_audio::wave::{WaveError, WaveRecorder};
use sipsimple_core::agent::{AccountSpec, EventKind as AgentEvent};
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::stream::StreamEvent;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{AudioError, Event, EventKind, Settings};

use crate::account::First;
use crate::client::{Client, Wake};
use crate::failure::Failure;
use crate::output::Output;
use crate::{account, extensions, media, register, sound, value, words};

/// Options of `sipsimple conference`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    #[command(flatten)]
    account: account::Options,
    /// Where to listen, udp|tcp|tls:ADDRESS:PORT; port 0 is any. Default: udp and tcp, 0.0.0.0:5060
    #[arg(long, value_name = "SOCKET", value_parser = value::socket)]
    listen: Vec<Route>,
    #[command(flatten)]
    extensions: extensions::Options,
    #[command(flatten)]
    media: media::Options,
    /// Record the whole conference to this WAV file
    #[arg(long, value_name = "WAV")]
    record: Option<PathBuf>,
    /// Take part from this machine's sound card
    #[arg(long)]
    join: bool,
    #[command(flatten)]
    card: sound::Card,
    /// End when N calls are over
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// Takes calls until `--count` of them are over, or somebody interrupts.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let default = [Transport::Udp, Transport::Tcp].map(|transport| Route::new(transport, ([0, 0, 0, 0], 5060).into()));
    let listen = if options.listen.is_empty() { &default[..] } else { &options.listen };
    options.account.way.tls.check(listen)?;
    let mut settings = Settings::listening(listen.iter().copied());
    options.account.way.apply(&mut settings);
    options.extensions.apply(&mut settings);
    options.media.configure(&mut settings)?;
    let mut client = Client::start(settings, trace, out)?;
    let room = Room::open(&client, options)?;
    if options.join {
        sound::open_card(&client.application, &options.card, false)?;
    }
    for (transport, local) in client.bound(listen)? {
        out.line(format_args!("listening {transport} {local}"));
    }
    let mut account = match options.account.spec()? {
        Some(spec) => spec,
        None => AccountSpec { any_user: true, ..options.account.nobody(listen) },
    };
    options.media.apply(&mut account);
    client.application.add_account_spec(account)?;
    let name = options.account.account.as_ref().map(register::name).unwrap_or_default();
    let mut conference = Conference {
        client: &mut client,
        out,
        name,
        first: First::default(),
        room: &room,
        live: BTreeSet::new(),
        over: 0,
    };
    let result = conference.run(options.count);
    if let Some(failure) = room.close(&client) {
        client.not_written(client.application.now(), failure);
    }
    for event in client.stop() {
        tell(&event, out);
    }
    result.and_then(|()| client.written())
}

/// The conference in the engine, and its recorder.
struct Room {
    conference: ConferenceId,
    recorder: Option<PortId>,
}

impl Room {
    /// Nobody is in it yet but the device, if that is wanted.
    fn open(client: &Client, options: &Options) -> Result<Self, Failure> {
        let mut recorder = None;
        if let Some(file) = &options.record {
            let mut opened = WaveRecorder::new(file, client.application.sample_rate());
            opened.start().map_err(|error| Failure::new(format!("cannot record to {}: {error}", file.display())))?;
            recorder = Some(opened);
        }
        let alone = !options.join;
        let room = client.application.with_engine(move |engine, _| {
            let conference = engine.add_conference();
            engine.hold_conference(conference, alone)?;
            let bridge = engine.conference(conference).map(sipsimple_audio::conference::AudioConference::bridge);
            let recorder = recorder.map(|recorder| engine.add_port(recorder)).transpose()?;
            if let (Some(bridge), Some(port)) = (bridge, recorder) {
                engine.bridge(bridge, port)?;
            }
            Ok::<_, Box<dyn std::error::Error + Send + Sync>>(Self { conference, recorder })
        })?;
        room.map_err(|error| Failure::new(error.to_string()))
    }

    /// Takes a caller in. He may hang up meanwhile.
    fn join(&self, client: &Client, stream: StreamId) -> Result<(), AudioError> {
        let conference = self.conference;
        client.application.with_engine(move |engine, _| {
            let _ = engine.join_conference(conference, stream);
        })
    }

    /// Closes the file; why that failed.
    fn close(&self, client: &Client) -> Option<String> {
        let port = self.recorder?;
        let stop = move |engine: &mut Engine, _| -> Result<(), WaveError> {
            engine.port_mut::<WaveRecorder>(port).map_or(Ok(()), WaveRecorder::stop)
        };
        match client.application.with_engine(stop) {
            Ok(Ok(())) => None,
            Ok(Err(error)) => Some(format!("the recording is incomplete: {error}")),
            Err(error) => Some(format!("the recording is incomplete: {error}")),
        }
    }
}

/// The state of the command.
struct Conference<'a> {
    client: &'a mut Client,
    out: Output,
    /// The account that is registered, if one is.
    name: String,
    first: First,
    room: &'a Room,
    live: BTreeSet<SessionId>,
    /// Calls that are over.
    over: u64,
}

impl Conference<'_> {
    fn run(&mut self, count: Option<u64>) -> Result<(), Failure> {
        while count.is_none_or(|count| self.over < count) {
            match self.client.next(None) {
                Wake::Event(event) => {
                    tell(&event, self.out);
                    self.act(&event)?;
                }
                Wake::Due => {}
                Wake::Interrupt => return Ok(()),
                Wake::Stopped => return Err(Failure::new("the application has stopped")),
            }
        }
        Ok(())
    }

    fn act(&mut self, event: &Event) -> Result<(), Failure> {
        match &event.kind {
            EventKind::Agent(AgentEvent::Registration { event: news, .. }) => {
                self.first.judge(&self.name, news)?;
                register::tell(event, news, &self.name, self.out);
            }
            EventKind::Agent(AgentEvent::Session { id, event: news }) => match news {
                SessionEvent::NewIncoming { streams, .. } => {
                    self.live.insert(*id);
                    // A caller may have hung up.
                    drop(self.client.application.accept(*id, streams));
                }
                SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => {
                    self.over += u64::from(self.live.remove(id));
                    self.out.at(event.at, format_args!("{} in the conference", self.live.len()));
                }
                _ => {}
            },
            EventKind::Agent(AgentEvent::Stream { id, event: StreamEvent::DidStart { .. }, .. }) => {
                self.room.join(self.client, *id)?;
                self.out.at(event.at, format_args!("{} in the conference", self.live.len()));
            }
            _ => {}
        }
        Ok(())
    }
}

/// Says to a person what happened.
fn tell(event: &Event, out: Output) {
    let (session, words) = match &event.kind {
        EventKind::Agent(AgentEvent::Session { id, event: news }) => (*id, words::of_session(news)),
        EventKind::Agent(AgentEvent::Stream { session, event: news, .. }) => (*session, words::of_stream(news)),
        _ => return,
    };
    if let Some(words) = words {
        out.at(event.at, format_args!("call {}: {words}", session.as_u64() + 1));
    }
}
