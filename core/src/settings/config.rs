//! The agent's configuration, made of the settings.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::kind::Seconds;
use super::sipsimple::SipSimpleSettings;
use crate::config::{Config, Listen};
use crate::transport::{Port, Transport};

impl From<&SipSimpleSettings> for Config {
    /// What the settings say, and the defaults for what they do not speak of. TLS is listened on when the driver has a certificate: not here.
    fn from(settings: &SipSimpleSettings) -> Self {
        let mut config = Self {
            user_agent: settings.user_agent.as_str().into(),
            listen: listen(settings),
            invite_timeout: settings.sip.invite_timeout.map(Seconds::duration),
            ..Self::default()
        };
        config.rtp.port_range = (settings.rtp.port_range.first(), settings.rtp.port_range.last());
        config.rtp.timeout = (settings.rtp.timeout.0 > 0).then(|| settings.rtp.timeout.duration());
        config.rtp.symmetric = settings.rtp.symmetric_rtp;
        config.rtp.audio_codecs = settings.rtp.audio_codec_list.iter().map(|codec| codec.as_str().into()).collect();
        config
    }
}

/// The sockets for UDP and TCP: on the local address, or on all of both families.
fn listen(settings: &SipSimpleSettings) -> Vec<Listen> {
    let all = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
    let addresses = settings.local_ip.map_or_else(|| all.to_vec(), |address| vec![address]);
    let mut listen = Vec::new();
    for transport in &settings.sip.transport_list {
        let port = match transport {
            Transport::Udp => settings.sip.udp_port,
            Transport::Tcp => settings.sip.tcp_port,
            Transport::Tls => continue,
        };
        let port = if port == 0 { Port::Random } else { Port::Fixed(port) };
        listen.extend(addresses.iter().map(|address| Listen { transport: *transport, address: *address, port }));
    }
    listen
}
