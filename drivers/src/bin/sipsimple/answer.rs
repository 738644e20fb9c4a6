//! `sipsimple answer`: waits for calls and answers them.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sipsimple_core::agent::AccountSpec;
use sipsimple_core::id::{SessionId, StreamId};
use sipsimple_core::media::Statistics;
use sipsimple_core::session::SessionEvent;
use sipsimple_core::sip::Host;
use sipsimple_core::stream::StreamEvent;
use sipsimple_core::time::{Instant, earliest};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{ApplicationError, Event, EventKind, local_address};

use crate::client::{Client, Wake};
use crate::failure::Failure;
use crate::output::Output;
use crate::sound::Sound;
use crate::{sound, value, words};

/// Options of `sipsimple answer`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to listen, udp|tcp|tls:ADDRESS:PORT; port 0 is any. Default: udp and tcp, 0.0.0.0:5060
    #[arg(long, value_name = "SOCKET", value_parser = value::socket)]
    pub(crate) listen: Vec<Route>,
    #[command(flatten)]
    sound: sound::Options,
    /// Send back what the caller says
    #[arg(long)]
    echo: bool,
    /// Ring for this long before answering
    #[arg(long, value_name = "SECS", value_parser = value::seconds)]
    ring: Option<Duration>,
    /// Reject every call with this status code, 300 to 699
    #[arg(long, value_name = "CODE", value_parser = clap::value_parser!(u16).range(300..=699), conflicts_with = "ring")]
    reject: Option<u16>,
    /// End after N calls
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

/// Answers calls until `--count` of them are over, or somebody interrupts.
pub(crate) fn run(options: &Options, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let sound = Sound::open(&options.sound)?;
    let default = [Transport::Udp, Transport::Tcp].map(|transport| Route::new(transport, ([0, 0, 0, 0], 5060).into()));
    let listen = if options.listen.is_empty() { &default[..] } else { &options.listen };
    let mut client = Client::start(listen, trace, out)?;
    for (transport, local) in client.bound(listen.len())? {
        out.line(format_args!("listening {transport} {local}"));
    }
    let uri = format!("sip:sipsimple@{}", own_address(listen));
    client.application.add_account_spec(AccountSpec { uri: uri.into(), display_name: None, any_user: true })?;
    let mut answering = Answering {
        client,
        options,
        sound,
        out,
        ringing: BTreeMap::new(),
        calls: BTreeMap::new(),
        recorded: 0,
        over: 0,
    };
    let result = answering.run();
    if matches!(result, Ok(End::Counted)) {
        answering.client.linger();
    }
    answering.client.stop();
    result.map(drop)
}

/// Why the command ends.
enum End {
    /// As many calls are over as were asked for.
    Counted,
    /// Somebody interrupts.
    Interrupted,
}

/// The state of the command.
struct Answering<'a> {
    client: Client,
    options: &'a Options,
    sound: Sound,
    out: Output,
    /// The calls that are to be answered, and when.
    ringing: BTreeMap<SessionId, (Instant, Vec<StreamId>)>,
    calls: BTreeMap<SessionId, Call>,
    /// Calls that had audio.
    recorded: u64,
    /// Calls that are over.
    over: u64,
}

/// A call that is not over.
#[derive(Default)]
struct Call {
    started: Option<Instant>,
    statistics: Option<Box<Statistics>>,
}

impl Answering<'_> {
    fn run(&mut self) -> Result<End, Failure> {
        while self.options.count.is_none_or(|count| self.over < count) {
            let due = self.ringing.values().fold(None, |due, (at, _)| earliest(due, Some(*at)));
            match self.client.next(due) {
                Wake::Event(event) => self.event(&event)?,
                Wake::Due => self.answer_due()?,
                Wake::Interrupt => return Ok(End::Interrupted),
                Wake::Stopped => return Err(Failure::new("the application has stopped")),
            }
        }
        Ok(End::Counted)
    }

    fn event(&mut self, event: &Event) -> Result<(), Failure> {
        match &event.kind {
            EventKind::Agent(sipsimple_core::agent::EventKind::Session { id, event: news }) => {
                self.say(event.at, *id, words::of_session(news));
                self.session(event.at, *id, news)
            }
            EventKind::Agent(sipsimple_core::agent::EventKind::Stream { id, session, event: news }) => {
                self.say(event.at, *session, words::of_stream(news));
                self.stream(*id, *session, news)
            }
            _ => Ok(()),
        }
    }

    fn session(&mut self, at: Instant, id: SessionId, news: &SessionEvent) -> Result<(), Failure> {
        match news {
            SessionEvent::NewIncoming { streams, .. } => {
                self.calls.insert(id, Call::default());
                self.incoming(at, id, streams)
            }
            SessionEvent::DidStart { .. } => {
                self.calls.entry(id).or_default().started = Some(at);
                Ok(())
            }
            SessionEvent::DidFail { .. } | SessionEvent::DidEnd { .. } => {
                self.ringing.remove(&id);
                self.over += 1;
                if let Some(Call { started: Some(started), statistics: Some(statistics) }) = self.calls.remove(&id) {
                    self.say(at, id, Some(words::statistics(at.saturating_since(started), &statistics)));
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn incoming(&mut self, at: Instant, id: SessionId, streams: &[StreamId]) -> Result<(), Failure> {
        let application = &self.client.application;
        let done = match (self.options.reject, self.options.ring) {
            (Some(code), _) => application.reject(id, code, None),
            (None, Some(time)) => {
                self.ringing.insert(id, (at + time, streams.to_vec()));
                application.send_ring_indication(id)
            }
            (None, None) => application.accept(id, streams),
        };
        still_there(done)
    }

    fn answer_due(&mut self) -> Result<(), Failure> {
        let now = self.client.application.now();
        let due: Vec<SessionId> = self.ringing.iter().filter(|(_, (at, _))| *at <= now).map(|(id, _)| *id).collect();
        for id in due {
            if let Some((_, streams)) = self.ringing.remove(&id) {
                still_there(self.client.application.accept(id, &streams))?;
            }
        }
        Ok(())
    }

    fn stream(&mut self, id: StreamId, session: SessionId, news: &StreamEvent) -> Result<(), Failure> {
        match news {
            StreamEvent::DidStart { .. } => {
                if self.options.echo {
                    sound::still_there(self.client.application.echo(id, true))?;
                }
                self.recorded += 1;
                self.sound.start(&self.client.application, id, self.recorded)
            }
            StreamEvent::Statistics(statistics) => {
                self.calls.entry(session).or_default().statistics = Some(statistics.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn say(&self, at: Instant, id: SessionId, words: Option<String>) {
        if let Some(words) = words {
            self.out.at(at, format_args!("call {}: {words}", id.as_u64() + 1));
        }
    }
}

/// A caller may hang up while we answer: what is refused then is no failure.
fn still_there(done: Result<(), ApplicationError>) -> Result<(), Failure> {
    match done {
        Ok(()) | Err(ApplicationError::Intent(_)) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The address to be known by: the one that is listened on, or, when that is any, the one that others are reached from.
fn own_address(listen: &[Route]) -> Host {
    let address = listen.first().map_or_else(|| Ipv4Addr::UNSPECIFIED.into(), |route| route.address);
    // Addresses for documentation (RFC 5737, RFC 3849) are reached by the default route; nothing is sent there.
    let (outside, loopback) = match address {
        IpAddr::V4(_) => (SocketAddr::from(([192, 0, 2, 1], 9)), Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(_) => (SocketAddr::from(([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1], 9)), Ipv6Addr::LOCALHOST.into()),
    };
    Host::from(if address.is_unspecified() { local_address(outside).unwrap_or(loopback) } else { address })
}
