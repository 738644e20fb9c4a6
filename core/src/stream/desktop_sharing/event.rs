//! What a desktop sharing stream is asked for, and what it tells.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::sip::Text;
use crate::transport::CloseCause;

/// What makes and takes the bytes of RFB (seed interface IDesktopSharingHandler and its four classes).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesktopSharingHandler {
    /// A viewer within the application (`InternalVNCViewerHandler`).
    InternalViewer,
    /// A server within the application (`InternalVNCServerHandler`).
    InternalServer,
    /// A viewer that connects to a listener here (`ExternalVNCViewerHandler`).
    ExternalViewer {
        /// Where to listen; any port with 0.
        address: SocketAddr,
        /// How long the viewer may take to connect.
        connect_timeout: Duration,
    },
    /// A server to which is connected (`ExternalVNCServerHandler`).
    ExternalServer {
        /// Where it listens.
        address: SocketAddr,
        /// How long connecting may take.
        connect_timeout: Duration,
    },
}

impl DesktopSharingHandler {
    /// How long connecting may take where nothing else is said.
    pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

    /// Whether it views, which is called `active` (attribute `type`); otherwise it is viewed: `passive`.
    #[must_use]
    pub const fn is_viewer(&self) -> bool {
        matches!(self, Self::InternalViewer | Self::ExternalViewer { .. })
    }
}

/// A desktop sharing stream to offer (seed class DesktopSharingStream).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DesktopSharingSpec {
    /// What makes and takes the bytes.
    pub handler: DesktopSharingHandler,
}

/// What an application wants of a desktop sharing stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DesktopSharingCommand {
    /// Let this handler make and take the bytes. Before the stream has started, and of the same type only.
    SetHandler(DesktopSharingHandler),
    /// Send these bytes (`send` of the internal handlers; `outgoing_queue`). When too many wait they are refused, and
    /// [`DesktopSharingEvent::Writable`] says when they would not be.
    Send(
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        Bytes,
    ),
    /// So many of the bytes that came were worked off (`incoming_queue`): of an internal handler that lags behind the peer is not read.
    Taken(u64),
    /// The application's own handler has failed, and the stream with it: what sends `DesktopSharingHandlerDidFail`.
    Fail {
        /// In which act.
        context: HandlerContext,
        /// Why.
        reason: Text,
    },
}

/// In which act a handler has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HandlerContext {
    /// While it connected, or was connected to.
    Connecting,
    /// While it read.
    Reading,
    /// While it sent.
    Sending,
}

/// News of a desktop sharing stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum DesktopSharingEvent {
    /// Bytes came for an internal handler (`DesktopSharingStreamGotData`). [`DesktopSharingCommand::Taken`] makes room for more.
    GotData {
        /// The bytes.
        #[serde(
            serialize_with = "crate::trace::data::serialize",
            deserialize_with = "crate::trace::data::deserialize"
        )]
        data: Bytes,
    },
    /// A viewer can connect here (attribute `address` of ExternalVNCViewerHandler).
    Listening {
        /// The address.
        address: SocketAddr,
    },
    /// The handler has failed, and the stream with it (`DesktopSharingHandlerDidFail`).
    HandlerDidFail {
        /// In which act.
        context: HandlerContext,
        /// What happened.
        failure: CloseCause,
        /// Why.
        reason: Text,
    },
    /// There is room for bytes again, after some were refused because there was none.
    Writable,
}

impl DesktopSharingEvent {
    /// The seeds' names.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::GotData { .. } => &["DesktopSharingStreamGotData"],
            Self::HandlerDidFail { .. } => &["DesktopSharingHandlerDidFail"],
            Self::Listening { .. } | Self::Writable => &[],
        }
    }
}
