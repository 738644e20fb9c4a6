//! What the application wants, as data.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::dns::{LookupId, Service};
use crate::id::{
    AccountId, IncomingSubscriptionId, MessageId, PublicationId, SessionId, SocketId, StreamId, SubscriptionId,
};
use crate::session::SessionError;
use crate::settings::kind::{CodecName, SrtpEncryption, StunServer};
use crate::settings::{Backend, Change, ObjectError, ObjectKey, RtpAccount, SaveError, SettingError};
use crate::sip::digest::{Credentials, Secret};
use crate::sip::{Text, Uri};
use crate::stream::{Command, SessionInfo, StreamError, StreamSpec};
use crate::transport::{Route, Transport};
use crate::turn;
use crate::usage::Content;

use crate::config::Listen;

use super::MsrpAccount;
use super::supervised::Published;

/// Something that the application wants. Wrong in this state: [`Agent::intend`](super::Agent::intend) fails at once and
/// changes nothing. Whatever happens later comes as an event. Legal at any time, also while events wait.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Intent {
    /// Start what the settings speak of: they are loaded, then the accounts that are in them come to life (`SIPApplication.start`).
    Start {
        /// Where settings are stored.
        settings: Backend,
        /// Whether the sockets that they speak of are bound (`sip.transport_list` and the ports).
        listen: bool,
    },
    /// Change settings of an object, and save it: all changes take effect together, or none does.
    ChangeSettings {
        /// The object.
        object: ObjectKey,
        /// The changes.
        changes: Vec<Change>,
    },
    /// Make and save the settings of a new account: it is added, and comes to life if they say so.
    CreateAccount {
        /// Its name, as in `alice@example.com`.
        id: Text,
        /// What is not at its default.
        changes: Vec<Change>,
    },
    /// Give an object of settings another id: an account leaves its old address, and goes on under the new one.
    RenameSettings {
        /// The object.
        object: ObjectKey,
        /// Its new id.
        id: Text,
    },
    /// Delete an object of settings: its account is removed.
    DeleteSettings(ObjectKey),
    /// Bind one more socket for SIP.
    Listen(Listen),
    /// Close a socket that was bound for SIP.
    Unlisten(SocketId),
    /// Add an account.
    AddAccount(AccountSpec),
    /// Give an account that has no stored settings other ones. It comes to life, or is put to rest, as they say, and registers anew.
    ChangeAccount {
        /// The account.
        account: AccountId,
        /// All of its settings.
        spec: AccountSpec,
    },
    /// Make an account the default one.
    SetDefaultAccount(AccountId),
    /// Remove an account, and its settings, unregistering it first; its sessions go on.
    RemoveAccount(AccountId),
    /// Start an outgoing session (`Session.connect` of the seeds).
    Connect {
        /// The local account.
        account: AccountId,
        /// The remote party: a URI, or a name with a URI in angle brackets.
        to: Text,
        /// Where to send the INVITE, tried in order. Empty: what the URI leads to, which is looked up where it names a host (RFC 3263).
        routes: Vec<Route>,
        /// The streams to offer.
        streams: Vec<StreamSpec>,
        /// Whether the INVITE goes out without an offer, so that the remote party makes one (RFC 3261 section 13.2.1). Of that the lines are accepted that are of the kinds
        /// of these streams, one for each; those that find no line end. Only audio, chats, and streams of the application's own can wait so.
        #[serde(default)]
        late_offer: bool,
    },
    /// Send 180 Ringing on an incoming session.
    SendRingIndication {
        /// The session.
        session: SessionId,
    },
    /// Accept an incoming session.
    Accept {
        /// The session.
        session: SessionId,
        /// Which of the proposed streams; the others are refused.
        streams: Vec<StreamId>,
        /// The password for the account's MSRP relay, where it is not the account's (`accept` of seed 000).
        #[serde(default)]
        relay_password: Option<Secret>,
    },
    /// Accept an incoming session whose INVITE brought no offer, with an offer of ours; answered with [`Outcome::Streams`].
    AcceptOffering {
        /// The session.
        session: SessionId,
        /// The streams to offer, in place of the one that was told.
        streams: Vec<StreamSpec>,
        /// The password for the account's MSRP relay, where it is not the account's (`accept` of seed 000).
        #[serde(default)]
        relay_password: Option<Secret>,
    },
    /// Reject an incoming session.
    Reject {
        /// The session.
        session: SessionId,
        /// The status code, 300 to 699.
        code: u16,
        /// The reason phrase; `None` for the code's own.
        reason: Option<Text>,
    },
    /// End a session, in any state.
    End {
        /// The session.
        session: SessionId,
    },
    /// Propose to add streams to a session (`Session.add_stream`): the outcome is their names.
    AddStreams {
        /// The session.
        session: SessionId,
        /// The streams.
        streams: Vec<StreamSpec>,
    },
    /// Remove streams from a session (`Session.remove_stream`).
    RemoveStreams {
        /// The session.
        session: SessionId,
        /// The streams.
        streams: Vec<StreamId>,
    },
    /// Accept streams that the remote party proposes to add (`Session.accept_proposal`).
    AcceptProposal {
        /// The session.
        session: SessionId,
        /// Which of the proposed streams; the others are refused.
        streams: Vec<StreamId>,
    },
    /// Reject what the remote party proposes to add (`Session.reject_proposal`).
    RejectProposal {
        /// The session.
        session: SessionId,
        /// The status code, 300 to 699; 488 is the usual one.
        code: u16,
        /// The reason phrase; `None` for the code's own.
        reason: Option<Text>,
    },
    /// Withdraw our proposal to add streams (`Session.cancel_proposal`).
    CancelProposal {
        /// The session.
        session: SessionId,
    },
    /// Put a session on hold, in any state (`Session.hold`).
    Hold {
        /// The session.
        session: SessionId,
    },
    /// Take a session off hold, in any state (`Session.unhold`).
    Unhold {
        /// The session.
        session: SessionId,
    },
    /// Send an INFO inside the dialog of an established session (RFC 6086), one after the other: its answer is told as `SIPSessionDidProcessTransaction`.
    SendInfo {
        /// The session.
        session: SessionId,
        /// The package, which the remote party must have asked for; none for the older uses (RFC 2976).
        package: Option<Text>,
        /// The body.
        content: Option<Content>,
    },
    /// Send a MESSAGE inside the dialog of an established session (`Session.send_message` of the reference; RFC 3428), one after the other: its answer is
    /// told as `SIPSessionDidProcessTransaction`.
    SendMessageInside {
        /// The session.
        session: SessionId,
        /// The message.
        content: Content,
    },
    /// Ask the remote party to call somebody else instead of us (`Session.transfer`).
    Transfer {
        /// The session.
        session: SessionId,
        /// Whom: a URI, or a name with a URI in angle brackets.
        target: Text,
        /// Our session with that party, whose place the new call is to take (an attended transfer).
        replaced: Option<SessionId>,
    },
    /// Call whom the remote party asks us to call (`Session.accept_transfer`): the outcome is the new session.
    AcceptTransfer {
        /// The session that is transferred; it ends when the new one is established.
        session: SessionId,
        /// Where to send the INVITE, tried in order. Empty: found from the URI.
        routes: Vec<Route>,
        /// The streams to offer.
        streams: Vec<StreamSpec>,
    },
    /// Refuse to call whom the remote party asks us to call (`Session.reject_transfer`).
    RejectTransfer {
        /// The session.
        session: SessionId,
        /// The status code, 300 to 699; 603 is the usual one.
        code: u16,
    },
    /// Call whom a REFER outside of any dialog asks us to call: the outcome is the new session, and what becomes of it is told to the sender of the REFER.
    /// [`RejectSubscription`](Self::RejectSubscription) refuses it.
    AcceptRefer {
        /// The subscription that the REFER brought along.
        subscription: IncomingSubscriptionId,
        /// Where to send the INVITE, tried in order. Empty: found from the URI.
        routes: Vec<Route>,
        /// The streams to offer.
        streams: Vec<StreamSpec>,
    },
    /// Ask somebody to call somebody else, outside of any dialog of ours (RFC 3515); a focus is asked so to invite to a conference (RFC 4579). The outcome
    /// is a subscription to what comes of it.
    Refer {
        /// The local account.
        account: AccountId,
        /// Who is asked: a URI, or a name with a URI in angle brackets.
        to: Text,
        /// Whom to call: a URI, with `method` where it is not INVITE, or a name with a URI in angle brackets.
        target: Text,
        /// Whether to be told what comes of it (RFC 4488); without it the subscription ends with the answer.
        subscription: bool,
        /// Where to send it, tried in order. Empty: as the account says.
        routes: Vec<Route>,
    },
    /// Want something of a stream, such as to send a DTMF digit.
    Stream {
        /// The stream.
        stream: StreamId,
        /// What.
        command: Command,
    },
    /// Subscribe to the state of something (`Subscription.subscribe` of the reference).
    Subscribe {
        /// The local account.
        account: AccountId,
        /// Whose state: a URI, or a name with a URI in angle brackets.
        to: Text,
        /// The package, as in an Event header.
        event: Text,
        /// For how many seconds; 0 fetches the state once, `None` is the account's setting.
        expires: Option<u32>,
        /// The body of the SUBSCRIBE.
        content: Option<Content>,
        /// Whether a list of resources may answer (RFC 4662).
        eventlist: bool,
        /// Whether to subscribe anew, after a while that depends on the reason, when it fails or is ended by the notifier.
        persistent: bool,
        /// Where to send it, tried in order. Empty: as the account says.
        routes: Vec<Route>,
    },
    /// Ask for the state once more, and for the full time.
    RefreshSubscription(SubscriptionId),
    /// End a subscription.
    EndSubscription(SubscriptionId),
    /// Accept an incoming subscription, as pending or for good, and tell it the state.
    AcceptSubscription {
        /// The subscription.
        subscription: IncomingSubscriptionId,
        /// Whether it is not decided yet if it is allowed.
        pending: bool,
        /// The state.
        content: Option<Content>,
    },
    /// Reject an incoming subscription.
    RejectSubscription {
        /// The subscription.
        subscription: IncomingSubscriptionId,
        /// The status code, 300 to 699.
        code: u16,
        /// The reason phrase; `None` for the code's own.
        reason: Option<Text>,
    },
    /// Tell an incoming subscription a new state.
    Notify {
        /// The subscription.
        subscription: IncomingSubscriptionId,
        /// The state.
        content: Content,
    },
    /// End an incoming subscription.
    EndIncomingSubscription {
        /// The subscription.
        subscription: IncomingSubscriptionId,
        /// Why, in a word of RFC 6665 section 4.1.3.
        reason: Text,
        /// After how many seconds another attempt makes sense.
        retry_after: Option<u32>,
        /// The last state.
        content: Option<Content>,
    },
    /// Publish a state of the account's own (`Publication.publish` of the reference).
    Publish {
        /// The account.
        account: AccountId,
        /// The package, as in an Event header.
        event: Text,
        /// The state.
        content: Content,
        /// For how many seconds; `None` is the account's setting.
        expires: Option<u32>,
        /// Whether to publish anew, after a while that depends on the reason, when it fails.
        persistent: bool,
        /// Where to send it, tried in order. Empty: as the account says.
        routes: Vec<Route>,
    },
    /// Publish a new state in place of the last.
    ChangePublication {
        /// The publication.
        publication: PublicationId,
        /// The state.
        content: Content,
    },
    /// Remove what was published.
    EndPublication(PublicationId),
    /// What an account is to keep published by itself from now on, while its settings say so. Without content nothing is.
    SetState {
        /// The account.
        account: AccountId,
        /// What.
        published: Published,
        /// The state.
        content: Option<Content>,
    },
    /// Send a message outside of sessions (`Message.send` of the reference). Messages to one recipient leave one after the other.
    SendMessage {
        /// The account.
        account: AccountId,
        /// To whom: a URI, or a name with a URI in angle brackets.
        to: Text,
        /// The message.
        content: Content,
        /// Whether it is wrapped in a CPIM message, which says whom it is from and for, and when it was sent (RFC 3862).
        cpim: bool,
        /// Where to send it, tried in order. Empty: as the account says.
        routes: Vec<Route>,
    },
    /// The user composes a message: say it with each key that is pressed. The recipient is told when that begins, while it lasts, and when it ends
    /// without a message (RFC 3994).
    Composing {
        /// The account.
        account: AccountId,
        /// To whom: a URI, or a name with a URI in angle brackets.
        to: Text,
        /// Where to send what is told, tried in order. Empty: as the account says.
        routes: Vec<Route>,
    },
    /// Look up where SIP requests to a URI go, by RFC 3263 (`DNSLookup.lookup_sip_proxy` of the seeds).
    LookupSipProxy {
        /// The URI.
        uri: Text,
        /// The supported transports, in the order of preference.
        transports: Vec<Transport>,
        /// How long one name server may take; `None` for what the configuration says.
        timeout: Option<Duration>,
        /// How long the whole may take; `None` for what the configuration says.
        lifetime: Option<Duration>,
    },
    /// Look up the servers of a service (`DNSLookup.lookup_service`). Only the host of the URI matters.
    LookupService {
        /// The URI.
        uri: Text,
        /// The service.
        service: Service,
        /// How long one name server may take; `None` for what the configuration says.
        timeout: Option<Duration>,
        /// How long the whole may take; `None` for what the configuration says.
        lifetime: Option<Duration>,
    },
    /// Look up the XCAP servers of a domain (`DNSLookup.lookup_xcap_server`). Only the host of the URI matters.
    LookupXcapServer {
        /// The URI.
        uri: Text,
        /// How long one name server may take; `None` for what the configuration says.
        timeout: Option<Duration>,
        /// How long the whole may take; `None` for what the configuration says.
        lifetime: Option<Duration>,
    },
    /// Begin to probe the name servers, and to fall back to public ones while those of the system do not answer as they should (`DNSManager.start`).
    StartDnsManager,
    /// Probe no more (`DNSManager.stop`).
    StopDnsManager,
    /// End every session and close every socket.
    ShutDown,
}

/// A local account: its settings, under the names of the seeds where they have one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AccountSpec {
    /// The SIP URI of the account, as in `sip:alice@example.com`.
    pub uri: Text,
    /// The display name.
    pub display_name: Option<Text>,
    /// Whether incoming requests for any user are for this account, as on a host that others call by its address.
    pub any_user: bool,
    /// Whether it does anything (setting `enabled`).
    pub enabled: bool,
    /// Who it is to servers that ask for authentication (settings `auth.username`, `auth.password`).
    pub credentials: Option<Credentials>,
    /// Where its requests go first, as in `host[:port][;transport=udp|tcp|tls]` (setting `sip.outbound_proxy`).
    pub outbound_proxy: Option<Text>,
    /// Whether requests to other domains than its own go to the proxy, too (setting `sip.always_use_my_proxy`).
    pub always_use_my_proxy: bool,
    /// Whether the certificates of the servers that it calls are checked, where it is to be otherwise than for all (setting `tls.verify_server`).
    pub verify_server: Option<bool>,
    /// Whether it registers (setting `sip.register`).
    pub register: bool,
    /// What expiry is asked for, in seconds (setting `sip.register_interval`).
    pub register_interval: u32,
    /// What expiry subscriptions ask for, in seconds (setting `sip.subscribe_interval`).
    pub subscribe_interval: u32,
    /// What expiry publications ask for, in seconds (setting `sip.publish_interval`).
    pub publish_interval: u32,
    /// Whether it asks for the summary of its messages (setting `message_summary.enabled`).
    pub message_summary: bool,
    /// Whether it publishes its presence, and asks who watches it (setting `presence.enabled`).
    pub presence: bool,
    /// Whether it asks for the presence, and the dialogs, of its contacts, by lists on a server (setting `presence.use_rls`).
    pub use_rls: bool,
    /// Whether it publishes its dialogs, and asks who watches them (setting `dialog_event.enabled`).
    pub dialog_event: bool,
    /// Whether it asks for changes of its documents (settings `xcap.enabled` and `xcap.xcap_diff`).
    pub xcap_diff: bool,
    /// Where its messages are, if not at its own URI (setting `message_summary.voicemail_uri`).
    pub voicemail_uri: Option<Text>,
    /// How its streams over MSRP find their way.
    pub msrp: MsrpAccount,
    /// Its codecs by their encoding names, best first; none for those of the configuration (setting `rtp.audio_codec_list`).
    pub audio_codecs: Vec<Text>,
    /// Whether RTP is encrypted (setting `rtp.srtp_encryption`).
    pub srtp_encryption: SrtpEncryption,
    /// Whether it is, also when its keys go over signalling that is not (setting `rtp.use_srtp_without_tls`).
    pub use_srtp_without_tls: bool,
    /// Whether paths are sought by ICE (setting `nat_traversal.use_ice`).
    pub use_ice: bool,
    /// The STUN servers, `host[:port]` (setting `nat_traversal.stun_server_list`). Only addresses are asked. Without any, those that DNS knows of the account's domain are.
    pub stun_servers: Vec<Text>,
    /// The TURN servers, which the seeds have no setting for.
    pub turn_servers: Vec<turn::Server>,
}

impl AccountSpec {
    /// An enabled account with this URI, which does not register and has no credentials.
    #[must_use]
    pub fn new(uri: impl Into<Text>) -> Self {
        Self { uri: uri.into(), ..Self::default() }
    }

    /// Its settings of RTP.
    fn rtp(&self) -> RtpAccount {
        let codecs: Vec<CodecName> = self.audio_codecs.iter().filter_map(|name| name.parse().ok()).collect();
        RtpAccount {
            audio_codec_list: Some(codecs).filter(|codecs| !codecs.is_empty()),
            srtp_encryption: self.srtp_encryption,
            use_srtp_without_tls: self.use_srtp_without_tls,
        }
    }

    /// Gives a session what streams are to know of the account.
    pub(super) fn tell(&self, info: &mut SessionInfo) {
        info.own_credentials.clone_from(&self.credentials);
        info.domain = Uri::parse(&self.uri).ok().and_then(|uri| uri.as_sip().map(|uri| uri.host.clone()));
        self.msrp.apply(&mut info.settings);
        info.settings.rtp = self.rtp();
        info.settings.tls.verify_server = self.verify_server;
        let stun: Vec<StunServer> = self.stun_servers.iter().filter_map(|server| server.parse().ok()).collect();
        info.settings.nat_traversal.use_ice = self.use_ice;
        info.settings.nat_traversal.stun_server_list = Some(stun).filter(|servers| !servers.is_empty());
        info.turn_servers.clone_from(&self.turn_servers);
    }
}

impl Default for AccountSpec {
    fn default() -> Self {
        Self {
            uri: Text::new(),
            display_name: None,
            any_user: false,
            enabled: true,
            credentials: None,
            outbound_proxy: None,
            always_use_my_proxy: true,
            verify_server: None,
            register: false,
            register_interval: 600,
            subscribe_interval: 3600,
            publish_interval: 3600,
            message_summary: false,
            presence: false,
            use_rls: false,
            dialog_event: false,
            xcap_diff: false,
            voicemail_uri: None,
            msrp: MsrpAccount::default(),
            audio_codecs: Vec::new(),
            srtp_encryption: SrtpEncryption::Disabled,
            use_srtp_without_tls: false,
            use_ice: false,
            stun_servers: Vec::new(),
            turn_servers: Vec::new(),
        }
    }
}

/// What came of an intent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Outcome {
    /// It is under way, or done.
    Done,
    /// The new socket.
    Socket(SocketId),
    /// The new account.
    Account(AccountId),
    /// The new session.
    Session(SessionId),
    /// The new streams.
    Streams(Vec<StreamId>),
    /// The new subscription.
    Subscription(SubscriptionId),
    /// The new publication.
    Publication(PublicationId),
    /// The new message.
    Message(MessageId),
    /// The new lookup.
    Lookup(LookupId),
}

/// Why an intent was refused. Nothing changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IntentError {
    /// An account's intent was refused.
    #[error(transparent)]
    Account(#[from] AccountError),
    /// A session could not be started.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// A session's intent was refused.
    #[error(transparent)]
    Session(#[from] SessionError),
    /// A subscription's, publication's or message's intent was refused.
    #[error(transparent)]
    Usage(#[from] UsageError),
    /// A stream's intent was refused.
    #[error(transparent)]
    Stream(#[from] StreamError),
    /// A lookup could not be started.
    #[error(transparent)]
    Lookup(#[from] LookupStartError),
    /// A socket's intent was refused.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// An intent about settings was refused.
    #[error(transparent)]
    Settings(#[from] SettingsRefusal),
}

/// Why an intent about settings was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SettingsRefusal {
    /// Settings have been started already, or the agent shuts down.
    #[error("the settings cannot be started now")]
    NotNow,
    /// A setting does not take the value, or there is no such setting.
    #[error("{reason}")]
    Setting {
        /// The setting.
        name: Text,
        /// Why: it names the setting, the value, and what it takes.
        reason: Text,
    },
    /// There is no such object, its name is taken, or settings have not been loaded.
    #[error("{0}")]
    Object(Text),
}

impl From<SettingError> for SettingsRefusal {
    fn from(error: SettingError) -> Self {
        let reason = error.to_string().into();
        match error {
            SettingError::Unknown(name) | SettingError::Bad { name, .. } | SettingError::Conflict { name, .. } => {
                Self::Setting { name: name.into(), reason }
            }
        }
    }
}

impl From<ObjectError> for SettingsRefusal {
    fn from(error: ObjectError) -> Self {
        Self::Object(error.to_string().into())
    }
}

impl From<SaveError> for SettingsRefusal {
    fn from(error: SaveError) -> Self {
        match error {
            SaveError::Object(error) => error.into(),
            SaveError::Setting(error) => error.into(),
        }
    }
}

/// Why a subscription, a publication or a message cannot be started or changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum UsageError {
    /// There is no such account.
    #[error("there is no account {}", .0.as_u64())]
    UnknownAccount(AccountId),
    /// What is meant is not a URI.
    #[error("'{0}' is not a SIP URI or address")]
    BadUri(Text),
    /// The Event header is not of its grammar.
    #[error("'{0}' does not name an event package")]
    BadEvent(Text),
    /// What was given cannot be written into a message.
    #[error("cannot be written into a message: {0}")]
    Unwritable(Text),
    /// There are as many as the limits allow.
    #[error("there are as many as the limits allow")]
    TooMany,
    /// There is no such subscription or publication, or it is over.
    #[error("it is over")]
    Unknown,
    /// Not in this state.
    #[error("{0}")]
    IllegalState(Text),
    /// The agent shuts down.
    #[error("the agent is shutting down")]
    ShuttingDown,
}

/// Why an account cannot be added or removed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AccountError {
    /// The URI is not a `sip:` or `sips:` URI.
    #[error("'{0}' is not a SIP URI")]
    BadUri(Text),
    /// The display name holds a line break or another control character.
    #[error("the display name '{}' holds a control character", .0.escape_debug())]
    BadDisplayName(Text),
    /// The outbound proxy is not as it should be written.
    #[error("'{0}' is not an outbound proxy: host[:port][;transport=udp|tcp|tls]")]
    BadProxy(Text),
    /// There is no such account.
    #[error("there is no account {}", .0.as_u64())]
    Unknown(AccountId),
    /// The account is not enabled.
    #[error("the account {} is not enabled", .0.as_u64())]
    Disabled(AccountId),
    /// The account has settings of its own, which are to be changed instead.
    #[error("the account {} has settings, which are to be changed instead", .0.as_u64())]
    HasSettings(AccountId),
    /// The agent shuts down.
    #[error("the agent is shutting down")]
    ShuttingDown,
}

/// Why a session cannot be started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ConnectError {
    /// There is no such account.
    #[error("there is no account {}", .0.as_u64())]
    UnknownAccount(AccountId),
    /// The remote party is not a URI.
    #[error("'{0}' is not a SIP URI or address")]
    BadUri(Text),
    /// No route was given, and the URI demands a transport for which there is none.
    #[error("there is no route to '{0}'")]
    NoRoute(Text),
    /// No socket is bound for the transport of the first route.
    #[error("no socket is bound for {0}")]
    NoSocket(Route),
    /// No stream was given.
    #[error("a session needs at least one stream")]
    NoStreams,
    /// A stream cannot be offered as described.
    #[error("stream {index} cannot be offered: {reason}")]
    BadStream {
        /// Its place in the list.
        index: usize,
        /// What is wrong with it.
        reason: Text,
    },
    /// There are as many sessions as `Limits::sessions` allows.
    #[error("there are as many sessions as the limits allow")]
    TooManySessions,
    /// The agent shuts down.
    #[error("the agent is shutting down")]
    ShuttingDown,
}

/// Why a lookup cannot be started. What it finds no answer to comes as an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum LookupStartError {
    /// The URI is not a `sip:` or `sips:` URI.
    #[error("'{0}' is not a SIP URI")]
    BadUri(Text),
    /// There are as many lookups as `Limits::dns_lookups` allows.
    #[error("there are as many lookups as the limits allow")]
    TooManyLookups,
    /// The agent shuts down.
    #[error("the agent is shutting down")]
    ShuttingDown,
}

/// Why a socket cannot be bound or closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum ListenError {
    /// There is no such socket.
    #[error("there is no socket {}", .0.as_u64())]
    Unknown(SocketId),
    /// TLS comes with its certificates, in step 2.
    #[error("TLS is not configured")]
    NoTls,
    /// The agent shuts down.
    #[error("the agent is shutting down")]
    ShuttingDown,
}
