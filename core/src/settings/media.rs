//! The objects by which seed 000 configures RTP and MSRP: views of the settings.

use std::net::IpAddr;

use super::account::AccountSettings;
use super::kind::{MsrpRelayAddress, MsrpTransport, SrtpEncryption, StunServer};
use super::sipsimple::SipSimpleSettings;
use crate::sip::Host;

/// How RTP transports are made (seed 000 class `RTPConfiguration`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RtpConfiguration {
    /// The address of the RTP endpoint; none for the one that leads to the peer.
    pub local_rtp_address: Option<IpAddr>,
    /// Whether SRTP is used.
    pub use_srtp: bool,
    /// Whether SRTP is mandatory, if it is used.
    pub srtp_forced: bool,
    /// Whether ICE is used.
    pub use_ice: bool,
    /// The STUN server that ICE asks first; none for those that the DNS tells.
    pub ice_stun_address: Option<Host>,
    /// Its port.
    pub ice_stun_port: u16,
}

impl Default for RtpConfiguration {
    fn default() -> Self {
        Self::new(&SipSimpleSettings::default(), &AccountSettings::default())
    }
}

impl RtpConfiguration {
    /// What the settings say.
    #[must_use]
    pub fn new(settings: &SipSimpleSettings, account: &AccountSettings) -> Self {
        let stun = account.nat_traversal.stun_server_list.as_ref().and_then(|servers| servers.first());
        Self {
            local_rtp_address: settings.rtp.local_address.or(settings.local_ip),
            use_srtp: account.rtp.srtp_encryption != SrtpEncryption::Disabled,
            srtp_forced: account.rtp.srtp_encryption == SrtpEncryption::Mandatory,
            use_ice: account.nat_traversal.use_ice,
            ice_stun_address: stun.map(|server| server.host.clone()),
            ice_stun_port: stun.map_or(StunServer::DEFAULT_PORT, |server| server.port),
        }
    }

    /// Makes the settings say this. They are saved by their owner.
    pub fn apply(&self, settings: &mut SipSimpleSettings, account: &mut AccountSettings) {
        settings.rtp.local_address = self.local_rtp_address;
        account.rtp.srtp_encryption = match (self.use_srtp, self.srtp_forced) {
            (false, _) => SrtpEncryption::Disabled,
            (true, false) => SrtpEncryption::Optional,
            (true, true) => SrtpEncryption::Mandatory,
        };
        account.nat_traversal.use_ice = self.use_ice;
        let server = self.ice_stun_address.clone().map(|host| vec![StunServer { host, port: self.ice_stun_port }]);
        account.nat_traversal.stun_server_list = server;
    }
}

/// How MSRP connections are made (seed 000 class `MSRPConfiguration`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MsrpConfiguration {
    /// The address in our MSRP URIs; none for the one that leads to the peer.
    pub local_ip: Option<IpAddr>,
    /// The port of our MSRP URIs; none for any.
    pub local_port: Option<u16>,
    /// Whether our MSRP URIs are of TLS.
    pub local_use_tls: bool,
    /// Whether sessions that come in use a relay.
    pub use_relay_incoming: bool,
    /// Whether sessions that go out use a relay.
    pub use_relay_outgoing: bool,
    /// The relay; none for the one that the DNS tells.
    pub relay_host: Option<Host>,
    /// The port of the relay.
    pub relay_port: Option<u16>,
    /// Whether the relay is spoken to over TLS; none for what is usual, which is TLS.
    pub relay_use_tls: Option<bool>,
}

impl Default for MsrpConfiguration {
    fn default() -> Self {
        Self::new(&SipSimpleSettings::default(), &AccountSettings::default())
    }
}

impl MsrpConfiguration {
    /// What the settings say.
    #[must_use]
    pub fn new(settings: &SipSimpleSettings, account: &AccountSettings) -> Self {
        let relay = account.nat_traversal.msrp_relay.as_ref();
        Self {
            local_ip: settings.msrp.local_ip.or(settings.local_ip),
            local_port: (settings.msrp.local_port != 0).then_some(settings.msrp.local_port),
            local_use_tls: account.msrp.transport == MsrpTransport::Tls,
            use_relay_incoming: account.nat_traversal.use_msrp_relay_for_inbound,
            use_relay_outgoing: account.nat_traversal.use_msrp_relay_for_outbound,
            relay_host: relay.map(|relay| relay.host.clone()),
            relay_port: relay.map(|relay| relay.port),
            relay_use_tls: relay.map(|relay| relay.transport == MsrpTransport::Tls),
        }
    }

    /// Makes the settings say this. They are saved by their owner.
    pub fn apply(&self, settings: &mut SipSimpleSettings, account: &mut AccountSettings) {
        settings.msrp.local_ip = self.local_ip;
        settings.msrp.local_port = self.local_port.unwrap_or(0);
        let transport = |tls| if tls { MsrpTransport::Tls } else { MsrpTransport::Tcp };
        account.msrp.transport = transport(self.local_use_tls);
        account.nat_traversal.use_msrp_relay_for_inbound = self.use_relay_incoming;
        account.nat_traversal.use_msrp_relay_for_outbound = self.use_relay_outgoing;
        account.nat_traversal.msrp_relay = self.relay_host.clone().map(|host| MsrpRelayAddress {
            host,
            port: self.relay_port.unwrap_or(MsrpRelayAddress::DEFAULT_PORT),
            transport: transport(self.relay_use_tls.unwrap_or(true)),
        });
    }
}
