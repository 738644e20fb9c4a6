//! Thin drivers that give the pure core of sipsimple its sockets, timers, files and sound.
//!
//! [`Application`] is a whole client: an [`Agent`](sipsimple_core::agent::Agent) on a thread that does nothing but
//! signalling, and an audio [`Engine`](sipsimple_audio::engine::Engine) on another that does nothing but media. It is a
//! value like any other: a program may have several, and when one is dropped its sockets are closed.
//!
//! A program that answers every call and sends back what it hears:
//!
//! ```no_run
//! use sipsimple_drivers::{Application, Settings, session::SessionEvent, stream::StreamEvent};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let application = Application::start(Settings::listening(["udp:192.0.2.1:5060".parse()?]))?;
//!     application.add_account("sip:echo@192.0.2.1")?;
//!     while let Some(event) = application.next_event() {
//!         if let Some((call, SessionEvent::NewIncoming { streams, .. })) = event.session() {
//!             application.accept(call, streams)?;
//!         } else if let Some((audio, StreamEvent::DidStart { .. })) = event.stream() {
//!             application.echo(audio, true)?;
//!         }
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # In a loop of your own
//!
//! The agent needs none of this: it does no IO, so any loop can run it. This one is made of the standard library, with one
//! UDP socket for SIP; connections fit in the same places. For calls, `Effect::Media` is to be executed too: an
//! [`Engine`](sipsimple_audio::engine::Engine) does, given two more sockets for each call and a tick every 20 ms.
//!
//! ```no_run
//! use std::net::UdpSocket;
//! use std::time::{Duration, Instant as Clock};
//!
//! use sipsimple_core::agent::{Agent, Answer, Config, Effect, Input, SocketEvent};
//! use sipsimple_core::random::Seed;
//! use sipsimple_core::time::{Instant, Utc};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let socket = UdpSocket::bind("192.0.2.1:5060")?;
//! let start = Clock::now();
//! let now = || Instant::ZERO + start.elapsed();
//! let seed = Seed(*b"32 bytes from the system's RNG..");
//! let mut config = Config::default();
//! config.listen = vec![sipsimple_drivers::listen("udp:192.0.2.1:5060".parse()?)];
//! let mut agent = Agent::new(config, seed, now(), Utc { unix_millis: 1_700_000_000_000 })?;
//! let mut buffer = [0; 65_536];
//! loop {
//!     while let Some(effect) = agent.poll_effect() {
//!         match effect {
//!             Effect::Bind { socket: id, .. } => {
//!                 let event = SocketEvent::Bound { local: socket.local_addr()? };
//!                 agent.handle(now(), Input::Socket { socket: id, event });
//!             }
//!             Effect::Send { to, data, .. } => drop(socket.send_to(&data, to)?),
//!             Effect::Ask { ask, .. } => {
//!                 let answer = Answer::LocalAddress(Some(socket.local_addr()?.ip()));
//!                 agent.handle(now(), Input::Answer { ask, answer });
//!             }
//!             other => println!("not done here: {other:?}"),
//!         }
//!     }
//!     while let Some(event) = agent.poll_event() {
//!         println!("{:?} {event:?}", event.names());
//!     }
//!     let until = agent.poll_timeout().map(|deadline| deadline.at.saturating_since(now()));
//!     socket.set_read_timeout(until.map(|time| time.max(Duration::from_millis(1))))?;
//!     let input = match socket.recv_from(&mut buffer) {
//!         Ok((len, from)) => {
//!             let (socket, data) = (sipsimple_core::id::SocketId::from_u64(0), buffer[..len].to_vec().into());
//!             Input::Datagram { socket, from, to: None, interface: None, ttl: None, data }
//!         }
//!         Err(_) => Input::Tick { utc: None },
//!     };
//!     agent.handle(now(), input);
//! }
//! # }
//! ```

mod application;
mod clock;
pub mod disk;
mod event_loop;
mod media;
mod nameservers;
mod network;
mod trace_file;

pub use application::{
    Application, ApplicationError, ApplicationEvent, AudioError, Event, EventKind, RecordingFileError, Settings,
    StartError, listen,
};
pub use clock::Clock;
pub use nameservers::system_nameservers;
pub use network::{TlsSettings, local_address};
pub use trace_file::TraceFile;

// What an application needs of the other crates, so that a small program depends on this one alone.
pub use sipsimple_audio as audio;
pub use sipsimple_core::{agent, cause, dns, id, sdp, session, settings, sip, stream, time, transport};
