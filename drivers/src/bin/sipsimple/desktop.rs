//! `sipsimple share` and `sipsimple view`: a desktop, from a VNC server to a VNC viewer, over MSRP.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use sipsimple_core::stream::{
    Command, DesktopSharingCommand, DesktopSharingEvent, DesktopSharingHandler, DesktopSharingSpec, StreamEvent,
    StreamSpec,
};
use sipsimple_core::transport::Route;

use crate::failure::Failure;
use crate::output::Output;
use crate::talk::{Talk, Turn};
use crate::{account, msrp, value, words};

/// How long somebody may take to start a viewer.
const VIEWER: Duration = Duration::from_secs(120);

/// What both commands have in common.
#[derive(Debug, Args)]
struct Both {
    /// With whom, as in sip:bob@example.com; without it we wait for somebody
    uri: Option<String>,
    /// Where to wait, udp|tcp|tls:ADDRESS:PORT; port 0 is any. Default: udp and tcp, 0.0.0.0:5060
    #[arg(long, value_name = "SOCKET", value_parser = value::socket, conflicts_with = "uri")]
    listen: Vec<Route>,
    #[command(flatten)]
    account: account::Options,
    #[command(flatten)]
    msrp: msrp::Options,
}

/// Options of `sipsimple share`.
#[derive(Debug, Args)]
pub(crate) struct Share {
    #[command(flatten)]
    both: Both,
    /// The VNC server whose desktop is shared
    #[arg(long, value_name = "ADDR:PORT")]
    vnc: SocketAddr,
}

/// Options of `sipsimple view`.
#[derive(Debug, Args)]
pub(crate) struct View {
    #[command(flatten)]
    both: Both,
    /// The port for the VNC viewer on this machine; 0 is any
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    port: u16,
}

/// Shares the desktop of a VNC server until either side ends.
pub(crate) fn share(options: &Share, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let connect_timeout = DesktopSharingHandler::CONNECT_TIMEOUT;
    let handler = DesktopSharingHandler::ExternalServer { address: options.vnc, connect_timeout };
    run(&options.both, handler, trace, out)
}

/// Lets a VNC viewer see the desktop of the other side until either ends.
pub(crate) fn view(options: &View, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), options.port);
    let handler = DesktopSharingHandler::ExternalViewer { address, connect_timeout: VIEWER };
    run(&options.both, handler, trace, out)
}

fn run(both: &Both, handler: DesktopSharingHandler, trace: Option<PathBuf>, out: Output) -> Result<(), Failure> {
    let mut talk = match &both.uri {
        Some(uri) => {
            let spec = DesktopSharingSpec { handler: handler.clone() };
            let streams = vec![StreamSpec::DesktopSharing(spec)];
            Talk::call(&both.account, &both.msrp, uri, streams, trace, out)?
        }
        None => Talk::listen(&both.account, &both.msrp, &both.listen, trace, out)?,
    };
    let result = follow(&mut talk, &handler, out);
    talk.stop(result)
}

fn follow(talk: &mut Talk, handler: &DesktopSharingHandler, out: Output) -> Result<(), Failure> {
    loop {
        match talk.next(None)? {
            Turn::Incoming { session, streams } => {
                let mut streams = talk.of_kind(session, streams, "desktop-sharing")?;
                let set = DesktopSharingCommand::SetHandler(handler.clone());
                // One who shares what we share, or views what we view, has nothing for us.
                streams.retain(|stream| talk.command(*stream, Command::DesktopSharing(set.clone())).is_ok());
                talk.accept(session, &streams)?;
            }
            Turn::Stream { at, event: StreamEvent::DidStart { .. }, .. } => out.at(at, "the desktop is shared"),
            Turn::Stream { at, event: StreamEvent::DesktopSharing(event), .. } => match event {
                DesktopSharingEvent::Listening { address } => {
                    out.at(at, format_args!("a VNC viewer can connect to {address}"));
                }
                DesktopSharingEvent::HandlerDidFail { context, reason, .. } => {
                    let words = format!("{context:?}: {}", words::printable(&reason)).to_lowercase();
                    out.at(at, format_args!("VNC ended while {words}"));
                }
                _ => {}
            },
            Turn::Stream { .. } | Turn::Due => {}
            Turn::Over | Turn::Interrupt => return Ok(()),
        }
    }
}
