//! One of the two agents of the demo, with its tone and its keys.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::time::{Duration, Instant};

use async_io::Timer;
use futures_lite::FutureExt;
use sipsimple_audio::rate::SampleRate;
use sipsimple_audio::tone::sine;
use sipsimple_audio::wave::Wave;
use sipsimple_core::agent::{AccountSpec, EventKind as AgentEvent, TransportEvent};
use sipsimple_core::id::AccountId;
use sipsimple_core::settings::kind::MsrpTransport;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_drivers::{Application, Event, EventKind, Settings};

use crate::client::GRACE;
use crate::failure::Failure;
use crate::output::Output;

/// Samples per second of the tones: those of the codecs.
const RATE: u32 = 8000;

/// Samples of a tone: more than a call lasts.
const SAMPLES: usize = 30 * 8000;

/// The level of the tones in dB, relative to a full-scale sine.
pub(super) const LEVEL: f64 = -12.0;

/// How long binding a socket of this machine may take.
const BIND: Duration = Duration::from_secs(5);

/// An agent of the demo.
#[derive(Debug)]
pub(super) struct Party {
    pub(super) name: &'static str,
    pub(super) application: Application,
    pub(super) account: AccountId,
    /// The frequency of the tone that it plays, in Hz.
    pub(super) frequency: f64,
    /// The keys that it presses.
    pub(super) keys: &'static str,
    pub(super) wave: PathBuf,
    pub(super) trace: PathBuf,
    sockets: Vec<Route>,
}

impl Party {
    /// Starts the agent on ports of the system's choice, and writes its tone to a file.
    pub(super) fn start(
        name: &'static str,
        frequency: f64,
        keys: &'static str,
        trace: PathBuf,
        dir: &Path,
        out: Output,
    ) -> Result<Self, Failure> {
        let wave = dir.join(format!("{name}.wav"));
        Wave::new(RATE, sine(frequency, LEVEL, RATE, SAMPLES)).save(&wave)?;
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        let mut settings = Settings::listening([Transport::Udp, Transport::Tcp].map(|of| Route::new(of, any)));
        settings.trace = Some(trace.clone());
        // What is heard is judged against the tone: codecs that keep it, and a mixer that has their rate.
        settings.audio.sample_rate = SampleRate::HZ_8000;
        settings.config.rtp.audio_codecs = ["PCMU", "PCMA"].map(Into::into).to_vec();
        let application = Application::start(settings)?;
        let mut sockets = Vec::new();
        while sockets.len() < 2 {
            let Some(event) = application.next_event_within(BIND) else {
                return Err(Failure::new(format!("{name} has no sockets")));
            };
            out.event_of(name, &event);
            match event.kind {
                EventKind::Agent(AgentEvent::Transport {
                    event: TransportEvent::Listening { transport, local },
                    ..
                }) => sockets.push(Route::new(transport, local)),
                EventKind::Agent(AgentEvent::Transport {
                    event: TransportEvent::Failed { transport, cause }, ..
                }) => return Err(Failure::new(format!("{name} cannot listen on {transport}: {cause}"))),
                _ => {}
            }
        }
        let uri = format!("sip:{name}@127.0.0.1");
        let mut account = AccountSpec::new(uri);
        // TLS would need certificates.
        account.msrp.transport = MsrpTransport::Tcp;
        let account = application.add_account_spec(account)?;
        Ok(Self { name, application, account, frequency, keys, wave, trace, sockets })
    }

    /// Where it listens.
    pub(super) fn route(&self, transport: Transport) -> Option<Route> {
        self.sockets.iter().copied().find(|route| route.transport == transport)
    }

    /// How others call it, and where it listens for that.
    pub(super) fn address(&self, transport: Transport) -> Option<(String, Route)> {
        let route = self.route(transport)?;
        Some((format!("sip:{}@{};transport={transport}", self.name, route.socket_addr()), route))
    }

    /// Ends the agent.
    pub(super) fn stop(&self, out: Output) {
        self.application.stop(GRACE);
        while let Some(event) = self.application.next_event() {
            out.event_of(self.name, &event);
        }
    }
}

/// Whose event it is, and the event; `None` when the agent has stopped.
type Woken = (usize, Option<Event>);

/// The next event of any of these agents, with whose it is; `None` when there is none until `due`.
///
/// # Errors
/// When an agent has stopped.
pub(super) fn next(parties: &[&Party], due: Instant, out: Output) -> Result<Option<(usize, Event)>, Failure> {
    let timer = async {
        Timer::at(due).await;
        None
    };
    let mut woken: Pin<Box<dyn Future<Output = Option<Woken>> + '_>> = Box::pin(timer);
    for (number, party) in parties.iter().enumerate().rev() {
        let event = async move { Some((number, party.application.event().await)) };
        woken = Box::pin(event.or(woken));
    }
    match smol::block_on(woken) {
        Some((number, Some(event))) => {
            out.event_of(parties[number].name, &event);
            Ok(Some((number, event)))
        }
        Some((_, None)) => Err(Failure::new("an agent has stopped")),
        None => Ok(None),
    }
}
