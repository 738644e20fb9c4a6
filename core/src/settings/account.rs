//! The settings of an account at a SIP provider (seed class `Account`).

use super::key::{Identity, ObjectClass};
use super::kind::{
    CodecName, ConnectionModel, FilePath, Kind, MessageNotifications, MsrpRelayAddress, MsrpTransport, NotEmpty,
    Seconds, SipAddress, SipProxyAddress, SrtpEncryption, StunServer, XcapRoot,
};
use super::settings;
use super::value::Value;
use crate::sip::digest::Secret;

impl ObjectClass for AccountSettings {
    const NAME: &'static str = "Account";
    const GROUP: &'static str = "Accounts";
    const IDENTITY: Identity = Identity::Each(|id| SipAddress::from_value(&Value::from(id)).map(drop));
    const RENAMED: &'static [(&'static str, &'static str)] =
        &[("password", "auth.password"), ("registration.enabled", "sip.register")];
}

settings! {
    /// The settings of an account (seed class `Account`).
    pub struct AccountSettings {
        /// Whether it is used.
        enabled: bool = false,
        /// The name that goes with its address.
        display_name: Option<NotEmpty> = None,
    }
    groups {
        /// Authentication.
        auth: Auth,
        /// Chats.
        chat: ChatAccount,
        /// The `dialog` event.
        dialog_event: DialogEvent,
        /// The `message-summary` event: voicemail.
        message_summary: MessageSummary,
        /// MSRP.
        msrp: MsrpSettings,
        /// Ways through address translation.
        nat_traversal: NatTraversal,
        /// The `presence` event.
        presence: Presence,
        /// RTP.
        rtp: RtpAccount,
        /// SIP.
        sip: SipAccount,
        /// TLS.
        tls: TlsAccount,
        /// Contacts and policies on a server.
        xcap: Xcap,
    }
}

impl AccountSettings {
    /// The name to authenticate with: its own, or the user of the account's address.
    #[must_use]
    pub fn auth_username<'a>(&'a self, id: &'a SipAddress) -> &'a str {
        self.auth.username.as_ref().map_or_else(|| id.username(), NotEmpty::as_str)
    }
}

settings! {
    /// Authentication.
    pub struct Auth {
        /// The name; without it the user of the account's address.
        username: Option<NotEmpty> = None,
        /// The password.
        password: Secret = Secret::from(""),
    }
}

settings! {
    /// The `dialog` event (RFC 4235).
    pub struct DialogEvent {
        /// Whether it is subscribed to and published.
        enabled: bool = false,
    }
}

settings! {
    /// The `message-summary` event (RFC 3842).
    pub struct MessageSummary {
        /// Whether it is subscribed to.
        enabled: bool = false,
        /// Whose voicemail; without it that of the account's own address.
        voicemail_uri: Option<SipAddress> = None,
    }
}

settings! {
    /// Chats.
    pub struct ChatAccount {
        /// What senders are told who want to know whether their messages were delivered, or shown (RFC 5438).
        notifications: MessageNotifications = MessageNotifications::Send,
    }
}

settings! {
    /// MSRP (RFC 4975).
    pub struct MsrpSettings {
        /// What it runs over.
        transport: MsrpTransport = MsrpTransport::Tls,
        /// Which side opens the connection.
        connection_model: ConnectionModel = ConnectionModel::Relay,
    }
}

settings! {
    /// Ways through address translation.
    pub struct NatTraversal {
        /// Whether paths are sought by ICE (RFC 8445).
        use_ice: bool = false,
        /// The STUN servers, tried in order; none for those that the DNS tells.
        stun_server_list: Option<Vec<StunServer>> = None,
        /// The MSRP relay; none for the one that the DNS tells.
        msrp_relay: Option<MsrpRelayAddress> = None,
        /// Whether sessions that come in use the relay.
        use_msrp_relay_for_inbound: bool = true,
        /// Whether sessions that go out use the relay.
        use_msrp_relay_for_outbound: bool = false,
    }
}

settings! {
    /// The `presence` event (RFC 3856).
    pub struct Presence {
        /// Whether it is subscribed to and published.
        enabled: bool = false,
        /// Whether one subscription to a list on a server is made instead of one for each contact (RFC 4662).
        use_rls: bool = false,
    }
}

settings! {
    /// RTP.
    pub struct RtpAccount {
        /// The codecs, best first; none for those of the application.
        audio_codec_list: Option<Vec<CodecName>> = None,
        /// Whether RTP is encrypted.
        srtp_encryption: SrtpEncryption = SrtpEncryption::Disabled,
        /// Whether it is, also when its keys go over signalling that is not.
        use_srtp_without_tls: bool = false,
    }
}

settings! {
    /// SIP.
    pub struct SipAccount {
        /// Whether requests to other domains go to the proxy, too.
        always_use_my_proxy: bool = false,
        /// Where requests go first; without it to the servers of the account's domain.
        outbound_proxy: Option<SipProxyAddress> = None,
        /// Whether the account is registered (`Account.registration.enabled` of seed 002).
        register: bool = true,
        /// How long a registration is asked for.
        register_interval: Seconds = Seconds(600),
        /// How long a subscription is asked for.
        subscribe_interval: Seconds = Seconds(3600),
        /// How long a publication is asked for.
        publish_interval: Seconds = Seconds(3600),
    }
}

settings! {
    /// TLS.
    pub struct TlsAccount {
        /// Our certificate and its key, in one PEM file; without it that of the application.
        certificate: Option<FilePath> = None,
        /// Whether the certificates of servers are checked on its own connections; none for what is said for all.
        verify_server: Option<bool> = None,
    }
}

settings! {
    /// Contacts and policies on a server (RFC 4825).
    pub struct Xcap {
        /// Whether it is used.
        enabled: bool = false,
        /// Its root; none for the one that the DNS tells.
        xcap_root: Option<XcapRoot> = None,
        /// Whether changes are told by the `xcap-diff` event (RFC 5875).
        xcap_diff: bool = true,
    }
}
