//! The settings that the agent's configuration speaks of, too, and the sockets that they ask for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use super::kind::{Kind, Seconds};
use super::sipsimple::SipSimpleSettings;
use super::value::Value;
use crate::config::{Config, Listen};
use crate::sip::Text;
use crate::transport::{Port, TlsPolicy, Transport};

impl SipSimpleSettings {
    /// Makes the configuration say what the setting of this name says. Settings that are not of the configuration change nothing.
    pub fn configure(&self, name: &str, config: &mut Config) {
        match name {
            "user_agent" => config.user_agent = self.user_agent.as_str().into(),
            "instance_id" => config.instance_id = self.instance_id.as_ref().map(|id| id.to_string().into()),
            "sip.invite_timeout" => config.invite_timeout = self.sip.invite_timeout.map(Seconds::duration),
            "sip.transport_list" => config.dns.transports.clone_from(&self.sip.transport_list),
            "rtp.port_range" => config.rtp.port_range = (self.rtp.port_range.first(), self.rtp.port_range.last()),
            "rtp.timeout" => config.rtp.timeout = (self.rtp.timeout.0 > 0).then(|| self.rtp.timeout.duration()),
            "rtp.symmetric_rtp" => config.rtp.symmetric = self.rtp.symmetric_rtp,
            "rtp.silence_suppression" => config.rtp.silence_suppression = self.rtp.silence_suppression,
            "rtp.audio_codec_list" => {
                config.rtp.audio_codecs = self.rtp.audio_codec_list.iter().map(|codec| codec.as_str().into()).collect();
            }
            "logs.level" => config.log_level = self.logs.level,
            "logs.trace_sip" => config.trace_sip = self.logs.trace_sip,
            "logs.trace_msrp" => config.msrp.trace = self.logs.trace_msrp,
            "rtp.local_address" => config.rtp.local_address = self.rtp.local_address,
            "msrp.local_ip" => config.msrp.address = self.msrp.local_ip,
            "msrp.local_port" => {
                let port = self.msrp.local_port;
                config.msrp.port = if port == 0 { Port::Random } else { Port::Fixed(port) };
            }
            "dns.probe_domain" => {
                if let Some(domain) = &self.dns.probe_domain {
                    config.dns.probe_domain = domain.as_str().into();
                }
            }
            "dns.fallback_servers" => {
                config.dns.fallback_nameservers =
                    self.dns.fallback_servers.iter().map(|server| server.socket_addr()).collect();
            }
            "dns.authoritative_first" => config.dns.authoritative_first = self.dns.authoritative_first,
            _ => {}
        }
    }

    /// The sockets for SIP: on the local address, or on all of both families. Those of TLS only where TLS is configured.
    #[must_use]
    pub fn sockets(&self, tls: bool) -> Vec<Listen> {
        let all = [IpAddr::V4(Ipv4Addr::UNSPECIFIED), IpAddr::V6(Ipv6Addr::UNSPECIFIED)];
        let addresses = self.local_ip.map_or_else(|| all.to_vec(), |address| vec![address]);
        let mut sockets = Vec::new();
        for transport in &self.sip.transport_list {
            let port = match transport {
                Transport::Udp => self.sip.udp_port,
                Transport::Tcp => self.sip.tcp_port,
                Transport::Tls if tls => self.sip.tls_port,
                Transport::Tls => continue,
            };
            let port = if port == 0 { Port::Random } else { Port::Fixed(port) };
            sockets.extend(addresses.iter().map(|address| Listen { transport: *transport, address: *address, port }));
        }
        sockets
    }
}

/// What the configuration says of settings: their defaults for this program. There may be values among them that the setting does not take.
pub(crate) fn defaults(config: &Config) -> [(&'static str, Value); 15] {
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs().to_string());
    let (first, last) = config.rtp.port_range;
    let codecs = config.rtp.audio_codecs.iter().map(Text::to_string).collect();
    let address = |address: Option<IpAddr>| address.map_or(Value::None, |address| Value::Text(address.to_string()));
    let msrp_port = if let Port::Fixed(port) = config.msrp.port { port } else { 0 };
    let servers = config.dns.fallback_nameservers.iter().map(SocketAddr::to_string).collect();
    [
        ("user_agent", Value::from(config.user_agent.as_str())),
        ("instance_id", config.instance_id.as_deref().map_or(Value::None, Value::from)),
        ("sip.invite_timeout", seconds(config.invite_timeout).map_or(Value::None, Value::Text)),
        ("sip.transport_list", config.dns.transports.to_value()),
        ("rtp.port_range", Value::Text(format!("{first}-{last}"))),
        ("rtp.timeout", Value::Text(seconds(config.rtp.timeout).unwrap_or_else(|| "0".to_owned()))),
        ("rtp.local_address", address(config.rtp.local_address)),
        ("msrp.local_ip", address(config.msrp.address)),
        ("msrp.local_port", Value::Text(msrp_port.to_string())),
        ("rtp.symmetric_rtp", config.rtp.symmetric.to_value()),
        ("rtp.silence_suppression", config.rtp.silence_suppression.to_value()),
        ("rtp.audio_codec_list", Value::List(codecs)),
        ("dns.fallback_servers", Value::List(servers)),
        ("tls.verify_server", config.tls.as_ref().is_some_and(|tls| tls.servers != TlsPolicy::None).to_value()),
        ("dns.authoritative_first", config.dns.authoritative_first.to_value()),
    ]
}
