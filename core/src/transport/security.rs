//! What the driver is told of a socket, and what it tells of one.

use std::fmt;
use std::net::IpAddr;

use bytes::Bytes;
use serde::{Deserialize, Serialize};

use crate::sip::Text;

/// The security of a connection, named by the core and done by the driver.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Security {
    /// Plain TCP.
    Plain,
    /// TLS.
    Tls {
        /// Which of the configured identities (certificate and key) the driver shows.
        identity: Option<Text>,
        /// The name asked for in SNI, on connections that the core opens.
        server_name: Option<Text>,
        /// What is asked of the peer's certificate.
        policy: TlsPolicy,
    },
}

/// What is asked of the peer's certificate. The driver proves possession of the key and evaluates the chain; the core judges the name or the fingerprint.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsPolicy {
    /// A chain to a trusted authority, and a name that fits (RFC 5922).
    Chain,
    /// A fingerprint that the signalling carried (RFC 8122).
    Fingerprint,
    /// Nothing.
    None,
}

/// What the driver learned in a TLS handshake.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TlsInfo {
    /// The driver's verdict on the chain.
    pub chain: CertificateChain,
    /// The peer's certificates in DER, its own first; empty if it showed none.
    pub certificates: Vec<Bytes>,
}

/// The driver's verdict on a certificate chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CertificateChain {
    /// It leads to a trusted authority and is in time.
    Trusted,
    /// It does not, and why.
    Untrusted(Text),
    /// The peer showed no certificate.
    Missing,
}

/// Why a connection or a socket failed or closed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseCause {
    /// The peer closed in good order.
    Peer,
    /// The peer, or something on the way, reset it.
    Reset,
    /// Nobody listens there.
    Refused,
    /// The host or its network cannot be reached.
    Unreachable,
    /// The address is in use by another socket, or not ours.
    AddressUnavailable,
    /// It did not open, or went silent, for too long.
    TimedOut,
    /// The core asked for it.
    Local,
    /// The TLS handshake failed.
    Tls(Text),
    /// Anything else, in the words of the operating system.
    Other(Text),
}

impl fmt::Display for CloseCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Peer => f.write_str("closed by the peer"),
            Self::Reset => f.write_str("connection reset"),
            Self::Refused => f.write_str("connection refused"),
            Self::Unreachable => f.write_str("host unreachable"),
            Self::AddressUnavailable => f.write_str("address in use or not available"),
            Self::TimedOut => f.write_str("timed out"),
            Self::Local => f.write_str("closed"),
            Self::Tls(text) => write!(f, "TLS: {text}"),
            Self::Other(text) => f.write_str(text),
        }
    }
}

/// How to close a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CloseHow {
    /// Write what was handed over, then close in good order.
    Flush,
    /// At once.
    Abort,
}

/// The kind of a socket to bind.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SocketKind {
    /// Datagrams.
    Udp,
    /// Connections are accepted, with this security.
    Listen(Security),
    /// Datagrams to and from a multicast group on one interface.
    Multicast {
        /// The group.
        group: IpAddr,
        /// The index of the interface.
        interface: u32,
    },
}

/// Which port to bind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Port {
    /// This one.
    Fixed(u16),
    /// Any free one from the first to the second, both included.
    Range(u16, u16),
    /// Any that the system picks.
    Random,
}
