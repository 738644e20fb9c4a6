//! The settings of the whole application (seed class `SIPSimpleSettings`).

use std::net::{IpAddr, Ipv4Addr};

use super::key::{Identity, ObjectClass};
use super::kind::{
    AudioDevice, CodecName, DomainName, FilePath, InstanceId, LogLevel, Milliseconds, Nameserver, NotEmpty, PortRange,
    SampleRate, Seconds, SipAddress, TlsProtocol,
};
use super::settings;
use crate::config::AUDIO_CODECS;
use crate::transport::Transport;

impl ObjectClass for SipSimpleSettings {
    const NAME: &'static str = "SIPSimpleSettings";
    const GROUP: &'static str = "SIPSimpleSettings";
    const IDENTITY: Identity = Identity::Global;
}

settings! {
    /// The settings of the whole application (seed class `SIPSimpleSettings`).
    pub struct SipSimpleSettings {
        /// The account that calls are made with where none is named.
        default_account: Option<SipAddress> = super::bonjour::ID.parse().ok(),
        /// What the User-Agent and Server headers say.
        user_agent: NotEmpty = NotEmpty::known(concat!("sipsimple ", env!("CARGO_PKG_VERSION"))),
        /// The local address that everything is bound to; without it all are, and the one that leads to the peer is told.
        local_ip: Option<IpAddr> = None,
        /// What names this device among all of its user's (RFC 5626 section 4.1).
        instance_id: Option<InstanceId> = None,
    }
    groups {
        /// Sound.
        audio: Audio,
        /// Name resolution.
        dns: Dns,
        /// File transfer.
        file_transfer: FileTransfer,
        /// Logs and traces.
        logs: Logs,
        /// MSRP.
        msrp: Msrp,
        /// RTP.
        rtp: Rtp,
        /// SIP.
        sip: Sip,
        /// TLS.
        tls: Tls,
    }
}

settings! {
    /// Sound.
    pub struct Audio {
        /// What plays ringtones; none for silence.
        alert_device: Option<AudioDevice> = Some(AudioDevice::SystemDefault),
        /// What the voice is recorded from; none for silence.
        input_device: Option<AudioDevice> = Some(AudioDevice::SystemDefault),
        /// What the voices of others are played by; none for silence.
        output_device: Option<AudioDevice> = Some(AudioDevice::SystemDefault),
        /// How long an echo may last that is cancelled; 0 cancels none.
        tail_length: Milliseconds = Milliseconds(200),
        /// Whether steady noise is taken out of the voice that is recorded.
        noise_suppression: bool = false,
        /// Whether a soft voice that is recorded is made louder.
        gain_control: bool = false,
        /// The sample rate of the mixers, which run at each of those that it takes. What codecs and files of other rates say is resampled, each way.
        sample_rate: SampleRate = SampleRate::HZ_44100,
        /// Whether ringtones are kept quiet.
        silent: bool = false,
        /// Where recordings of calls go that are given no name.
        directory: FilePath = FilePath::known("history"),
    }
}

settings! {
    /// Name resolution.
    pub struct Dns {
        /// The name that nameservers must be able to resolve to be used: its NAPTR and SRV records are asked for. Without it those of the system are used untried.
        probe_domain: Option<DomainName> = Some(DomainName::known("sip2sip.info")),
        /// The nameservers that are used when those of the system cannot resolve that name; an empty list for none.
        fallback_servers: Vec<Nameserver> = vec![
            Nameserver::new(IpAddr::V4(Ipv4Addr::new(8, 8, 8, 8))),
            Nameserver::new(IpAddr::V4(Ipv4Addr::new(8, 8, 4, 4))),
        ],
        /// Whether the servers of a zone itself are asked first.
        authoritative_first: bool = false,
    }
}

settings! {
    /// File transfer.
    pub struct FileTransfer {
        /// Where received files go.
        directory: FilePath = FilePath::known("~/Downloads"),
    }
}

settings! {
    /// Logs and traces.
    pub struct Logs {
        /// How much is logged.
        level: LogLevel = LogLevel::ALL,
        /// Where logs and traces go.
        directory: FilePath = FilePath::known("logs"),
        /// Whether SIP messages are traced.
        trace_sip: bool = false,
        /// Whether MSRP chunks are traced.
        trace_msrp: bool = false,
    }
}

settings! {
    /// MSRP.
    pub struct Msrp {
        /// The address in our MSRP URIs; without it that of SIP.
        local_ip: Option<IpAddr> = None,
        /// The port that MSRP connections are awaited on; 0 for any.
        local_port: u16 = 0,
    }
}

settings! {
    /// RTP.
    pub struct Rtp {
        /// The address that RTP is bound to; without it that of SIP.
        local_address: Option<IpAddr> = None,
        /// The ports that RTP and RTCP are bound to.
        port_range: PortRange = PortRange::RTP,
        /// How long no packet may come before that is told; 0 never tells.
        timeout: Seconds = Seconds(30),
        /// The codecs, best first. One that is not built in is skipped.
        audio_codec_list: Vec<CodecName> = AUDIO_CODECS.map(CodecName::known).to_vec(),
        /// Whether RTP may go where it comes from, once, when that is elsewhere than the description says.
        symmetric_rtp: bool = true,
        /// Whether silence is described by comfort noise and not sent, where the peer knows that.
        silence_suppression: bool = false,
    }
}

settings! {
    /// SIP.
    pub struct Sip {
        /// How long a call may go unanswered before it is cancelled; none for ever.
        invite_timeout: Option<Seconds> = Some(Seconds(90)),
        /// The port of UDP; 0 for any.
        udp_port: u16 = 0,
        /// The port of TCP; 0 for any. It differs from that of TLS.
        tcp_port: u16 = 0 => one_port(tls_port),
        /// The port of TLS; 0 for any. It differs from that of TCP.
        tls_port: u16 = 0 => one_port(tcp_port),
        /// The transports, best first.
        transport_list: Vec<Transport> = vec![Transport::Tls, Transport::Tcp, Transport::Udp],
    }
}

settings! {
    /// TLS.
    pub struct Tls {
        /// The certificates of the authorities that are trusted, in one PEM file; without it those of the system.
        ca_list: Option<FilePath> = None,
        /// Our certificate and its key, in one PEM file, where the account has none.
        certificate: Option<FilePath> = None,
        /// Whether the certificates of servers are checked where the account does not say.
        verify_server: bool = false,
        /// The oldest version that is spoken.
        protocol: TlsProtocol = TlsProtocol::Tls12,
        /// How long a handshake may take.
        timeout: Milliseconds = Milliseconds(3000),
    }
}

/// Both TCP and TLS are streams over TCP: one port is not enough for both.
fn one_port(a: &u16, b: &u16) -> Option<&'static str> {
    (a == b && *a != 0).then_some("TCP and TLS need a port each")
}
