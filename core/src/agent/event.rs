//! What the agent tells the application.

use std::net::SocketAddr;

use serde::Deserialize;
use serde::Serialize;

use crate::dns::{LookupEvent, LookupId, ResolverEvent};
use crate::id::{
    AccountId, ConnId, IncomingSubscriptionId, MessageId, PublicationId, SessionId, SocketId, StreamId, SubscriptionId,
};
use crate::message::{MessageEvent, ReceivedMessage};
use crate::msrp::LogEvent;
use crate::notifier::NotifierEvent;
use crate::payload::composing::State as ComposingState;
use crate::payload::message_summary::MessageSummary;
use crate::publication::PublicationEvent;
use crate::registration::RegistrationEvent;
use crate::session::SessionEvent;
use crate::settings::SettingsEvent;
use crate::sip::Text;
use crate::stream::StreamEvent;
use crate::subscription::SubscriptionEvent;
use crate::time::Utc;
use crate::transport::{CloseCause, Transport};

use super::supervised::{Published, Supervised};

/// News for the application.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[must_use]
pub struct Event {
    /// The date (`timestamp` of every notification of the seeds).
    pub timestamp: Utc,
    /// What happened.
    pub kind: EventKind,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EventKind {
    /// News of a socket for SIP.
    Transport {
        /// The socket.
        id: SocketId,
        /// The news.
        event: TransportEvent,
    },
    /// A SIP message came or was sent, where messages are traced (`SIPEngineSIPTrace`).
    SipTrace(SipTrace),
    /// News of settings (seed class SettingsObject).
    Settings(SettingsEvent),
    /// The stored settings cannot be used: nothing has been started, and nothing that is stored is overwritten (`CFGManagerLoadFailed`).
    SettingsUnusable {
        /// Why.
        error: Text,
    },
    /// TLS cannot be done as the settings say: there is none, and no socket for it, until they say otherwise (`SIPApplicationFailedToStartTLS`).
    TlsFailed {
        /// Why (`error`).
        cause: CloseCause,
    },
    /// The accounts of the settings come to life, or all accounts are put to rest (seed class AccountManager).
    AccountManager(ManagerEvent),
    /// Sessions are taken, or all are ended (seed class SessionManager).
    SessionManager(ManagerEvent),
    /// News of an account.
    Account {
        /// The account.
        id: AccountId,
        /// The news.
        event: AccountEvent,
    },
    /// Another account is the default (`SIPAccountManagerDidChangeDefaultAccount`).
    DefaultAccount {
        /// The account that was (`old_account`).
        old: Option<AccountId>,
        /// The account that is (`account`).
        new: Option<AccountId>,
    },
    /// News of the registration of an account.
    Registration {
        /// The account.
        account: AccountId,
        /// The news.
        event: RegistrationEvent,
    },
    /// News of a subscription of ours.
    Subscription {
        /// The subscription.
        id: SubscriptionId,
        /// Its account.
        account: AccountId,
        /// What the account keeps it for, if it does.
        supervised: Option<Supervised>,
        /// The news.
        event: SubscriptionEvent,
    },
    /// News of a subscription to something of ours.
    IncomingSubscription {
        /// The subscription.
        id: IncomingSubscriptionId,
        /// Its account.
        account: AccountId,
        /// The news.
        event: NotifierEvent,
    },
    /// News of a publication.
    Publication {
        /// The publication.
        id: PublicationId,
        /// Its account.
        account: AccountId,
        /// What the account keeps it for, if it does.
        published: Option<Published>,
        /// The news.
        event: PublicationEvent,
    },
    /// News of a message that we sent.
    Message {
        /// The message.
        id: MessageId,
        /// Its account.
        account: AccountId,
        /// The news.
        event: MessageEvent,
    },
    /// A message came outside of sessions, or inside the dialog of one (`SIPEngineGotMessage`).
    GotMessage(Box<ReceivedMessage>),
    /// Somebody began to compose a message to an account, or does so no more (RFC 3994).
    Composing {
        /// The account.
        account: AccountId,
        /// The URI of the one who composes.
        remote: Text,
        /// Whether they do.
        state: ComposingState,
    },
    /// The summary of an account's messages came (`SIPAccountMWIDidGetSummary`).
    MessageSummary {
        /// The account.
        account: AccountId,
        /// The summary.
        message_summary: MessageSummary,
    },
    /// News of a session.
    Session {
        /// The session.
        id: SessionId,
        /// The news.
        event: SessionEvent,
    },
    /// News of a stream.
    Stream {
        /// The stream.
        id: StreamId,
        /// Its session.
        session: SessionId,
        /// What kind of stream it is: `audio`, `chat` …
        kind: Text,
        /// The news.
        event: StreamEvent,
    },
    /// News of a connection over MSRP for logs.
    MsrpLog {
        /// The connection.
        conn: ConnId,
        /// The news.
        event: LogEvent,
    },
    /// News of a lookup (seed class DNSLookup): of the application's, and of those for sessions and other usages.
    Lookup {
        /// The lookup.
        id: LookupId,
        /// The news.
        event: LookupEvent,
    },
    /// News of the name servers (seed class DNSManager).
    Resolver {
        /// The news.
        event: ResolverEvent,
    },
    /// The last news: everything has ended.
    ShutDown,
}

/// A SIP message that came or was sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SipTrace {
    /// Whether it came.
    pub received: bool,
    /// The transport.
    pub transport: Transport,
    /// Where it came from.
    pub source: SocketAddr,
    /// Where it went.
    pub destination: SocketAddr,
    /// The message, with its credentials and media keys masked.
    pub data: Text,
}

/// News of a socket for SIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TransportEvent {
    /// It is bound: requests can come.
    Listening {
        /// The transport.
        transport: Transport,
        /// The local address and port.
        local: SocketAddr,
    },
    /// It could not be bound, or broke.
    Failed {
        /// The transport.
        transport: Transport,
        /// Why.
        cause: CloseCause,
    },
    /// It is closed, as asked.
    Closed {
        /// The transport.
        transport: Transport,
    },
}

/// News of what is started by [`Intent::Start`](super::Intent::Start) and stopped by [`Intent::ShutDown`](super::Intent::ShutDown).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ManagerEvent {
    /// It is about to start.
    WillStart,
    /// It has started.
    DidStart,
    /// It is about to end.
    WillEnd,
    /// It has ended.
    DidEnd,
}

impl ManagerEvent {
    const fn names(self, all: &'static [[&'static str; 1]; 4]) -> &'static [&'static str] {
        let [will_start, did_start, will_end, did_end] = all;
        match self {
            Self::WillStart => will_start,
            Self::DidStart => did_start,
            Self::WillEnd => will_end,
            Self::DidEnd => did_end,
        }
    }
}

/// The names of the notifications of the reference's AccountManager.
const ACCOUNT_MANAGER: [[&str; 1]; 4] = [
    ["SIPAccountManagerWillStart"],
    ["SIPAccountManagerDidStart"],
    ["SIPAccountManagerWillEnd"],
    ["SIPAccountManagerDidEnd"],
];

/// The names of the notifications of the reference's SessionManager.
const SESSION_MANAGER: [[&str; 1]; 4] = [
    ["SIPSessionManagerWillStart"],
    ["SIPSessionManagerDidStart"],
    ["SIPSessionManagerWillEnd"],
    ["SIPSessionManagerDidEnd"],
];

/// News of an account.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountEvent {
    /// It was added (`SIPAccountManagerDidAddAccount`).
    DidAdd,
    /// It was removed (`SIPAccountManagerDidRemoveAccount`).
    DidRemove,
    /// It is about to come to life (`SIPAccountWillActivate`).
    WillActivate,
    /// It takes requests, and registers if it is to (`SIPAccountDidActivate`).
    DidActivate,
    /// It is about to end what it does (`SIPAccountWillDeactivate`).
    WillDeactivate,
    /// It does nothing any more (`SIPAccountDidDeactivate`).
    DidDeactivate,
}

impl AccountEvent {
    /// The names that the seeds give this notification.
    #[must_use]
    pub const fn names(&self) -> &'static [&'static str] {
        match self {
            Self::DidAdd => &["SIPAccountManagerDidAddAccount"],
            Self::DidRemove => &["SIPAccountManagerDidRemoveAccount"],
            Self::WillActivate => &["SIPAccountWillActivate"],
            Self::DidActivate => &["SIPAccountDidActivate"],
            Self::WillDeactivate => &["SIPAccountWillDeactivate"],
            Self::DidDeactivate => &["SIPAccountDidDeactivate"],
        }
    }
}

impl Event {
    /// See [`EventKind::names`].
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        self.kind.names()
    }
}

impl EventKind {
    /// The names that the seeds give this notification: seed 002's first, then seed 000's where it has one, typing errors included.
    /// Empty for news that the seeds have no name for.
    #[must_use]
    pub fn names(&self) -> &'static [&'static str] {
        match self {
            Self::SipTrace(_) => &["SIPEngineSIPTrace"],
            Self::Settings(event) => event.names(),
            Self::SettingsUnusable { .. } => &["CFGManagerLoadFailed"],
            Self::TlsFailed { .. } => &["SIPApplicationFailedToStartTLS"],
            Self::AccountManager(event) => event.names(&ACCOUNT_MANAGER),
            Self::SessionManager(event) => event.names(&SESSION_MANAGER),
            Self::Account { event, .. } => event.names(),
            Self::DefaultAccount { .. } => &["SIPAccountManagerDidChangeDefaultAccount"],
            Self::Registration { event, .. } => event.names(),
            Self::Subscription { event, supervised, .. } => supervised.map_or(event.names(), |kind| kind.names(event)),
            Self::IncomingSubscription { event, .. } => event.names(),
            Self::Publication { event, published, .. } => published.map_or(event.names(), |kind| kind.names(event)),
            Self::Message { event, .. } => event.names(),
            Self::GotMessage(_) => &["SIPEngineGotMessage"],
            Self::MessageSummary { .. } => &["SIPAccountMWIDidGetSummary"],
            Self::Session { event, .. } => event.names(),
            Self::Stream { kind, event, .. } => event.names_of(kind),
            Self::MsrpLog { event, .. } => event.names(),
            Self::Transport { event: TransportEvent::Failed { transport: Transport::Tls, .. }, .. } => {
                &["SIPApplicationFailedToStartTLS"]
            }
            Self::Lookup { event, .. } => event.names(),
            Self::Resolver { event } => event.names(),
            Self::Transport { .. } | Self::Composing { .. } | Self::ShutDown => &[],
        }
    }
}

/// What the agent has counted since it began.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Stats {
    /// Inputs that named something unknown, or came in the wrong order: faults of the driver.
    pub driver_faults: u64,
    /// Datagrams and messages that were shed because a limit was reached.
    pub shed: u64,
    /// Messages that could not be read.
    pub malformed: u64,
    /// Responses and ACKs that belong to nothing.
    pub stray: u64,
    /// Messages taken in.
    pub received: u64,
    /// Messages sent, retransmissions included.
    pub sent: u64,
}
