//! The settings there are, with their defaults; what they refuse.

use super::*;
use crate::config::Config;
use crate::transport::{Port, Transport};

fn listing(record: &Record) -> String {
    let line = |name: String| {
        let value = record.value(&name).unwrap();
        assert_eq!(record.default_value(&name), Some(value.clone()));
        format!("{name} = {value}\n")
    };
    record.names().into_iter().map(line).collect()
}

#[test]
fn the_settings_of_the_application() {
    let mut desk = Desk::in_memory();
    assert_eq!(
        listing(desk.open::<SipSimpleSettings>("")),
        concat!(
            "default_account = bonjour@local\nuser_agent = sipsimple ",
            env!("CARGO_PKG_VERSION"),
            "
local_ip = 
instance_id = 
audio.alert_device = system_default
audio.input_device = system_default
audio.output_device = system_default
audio.tail_length = 200
audio.noise_suppression = false
audio.gain_control = false
audio.sample_rate = 44100
audio.silent = false
audio.directory = history
dns.probe_domain = sip2sip.info
dns.fallback_servers = 8.8.8.8, 8.8.4.4
dns.authoritative_first = false
file_transfer.directory = ~/Downloads
logs.level = 5
logs.directory = logs
logs.trace_sip = false
logs.trace_msrp = false
msrp.local_ip = 
msrp.local_port = 0
rtp.local_address = 
rtp.port_range = 50000-50500
rtp.timeout = 30
rtp.audio_codec_list = opus, G722, PCMU, PCMA
rtp.symmetric_rtp = true
rtp.silence_suppression = false
sip.invite_timeout = 90
sip.udp_port = 0
sip.tcp_port = 0
sip.tls_port = 0
sip.transport_list = tls, tcp, udp
tls.ca_list = 
tls.certificate = 
tls.verify_server = false
tls.protocol = TLSv1.2
tls.timeout = 3000
"
        )
    );
}

#[test]
fn the_settings_of_an_account() {
    let mut desk = Desk::in_memory();
    assert_eq!(
        listing(desk.open::<AccountSettings>(ALICE)),
        "enabled = false
display_name = 
auth.username = 
auth.password = 
chat.notifications = send
dialog_event.enabled = false
message_summary.enabled = false
message_summary.voicemail_uri = 
msrp.transport = tls
msrp.connection_model = relay
nat_traversal.use_ice = false
nat_traversal.stun_server_list = 
nat_traversal.msrp_relay = 
nat_traversal.use_msrp_relay_for_inbound = true
nat_traversal.use_msrp_relay_for_outbound = false
presence.enabled = false
presence.use_rls = false
rtp.audio_codec_list = 
rtp.srtp_encryption = disabled
rtp.use_srtp_without_tls = false
sip.always_use_my_proxy = false
sip.outbound_proxy = 
sip.register = true
sip.register_interval = 600
sip.subscribe_interval = 3600
sip.publish_interval = 3600
tls.certificate = 
tls.verify_server = 
xcap.enabled = false
xcap.xcap_root = 
xcap.xcap_diff = true
"
    );
    let id = ALICE.parse().unwrap();
    let account = desk.manager.get_mut::<AccountSettings>(ALICE).unwrap();
    assert_eq!(account.auth_username(&id), "alice");
    account.auth.username = "ally".parse().ok();
    assert_eq!(account.auth_username(&id), "ally");
}

#[test]
fn the_settings_of_bonjour() {
    let mut desk = Desk::in_memory();
    assert_eq!(
        listing(desk.open::<BonjourAccountSettings>("")),
        "enabled = true
display_name = 
msrp.transport = tcp
rtp.audio_codec_list = 
rtp.srtp_encryption = disabled
rtp.use_srtp_without_tls = false
sip.transport = tcp
tls.certificate = 
tls.verify_server = 
"
    );
}

#[test]
fn a_bad_value_is_refused_with_the_name_of_the_setting() {
    let mut desk = Desk::in_memory();
    let settings = desk.open::<SipSimpleSettings>("");
    for (name, text, error) in [
        ("sip.udp_port", "70000", "sip.udp_port: '70000' is not a port, 0 to 65535"),
        ("sip.udp_port", "", "sip.udp_port: '' is not a port, 0 to 65535"),
        ("rtp.port_range", "9", "rtp.port_range: '9' is not a range of ports, FIRST-LAST, 1 to 65535, or 0-0"),
        ("sip.transport_list", "udp, dccp", "sip.transport_list: 'dccp' is not one of udp, tcp, tls"),
        ("user_agent", "a\r\nb", "user_agent: 'a\\r\\nb' is not a text of one line"),
        ("sip.port", "1", "there is no setting sip.port"),
        ("sip", "1", "there is no setting sip"),
        ("sip.udp_port.x", "1", "there is no setting sip.udp_port.x"),
        ("", "1", "there is no setting "),
    ] {
        assert_eq!(settings.set_text(name, text).unwrap_err().to_string(), error);
    }
    assert_eq!(settings.reset("sip.port"), Err(SettingError::Unknown("sip.port".to_owned())));
    assert!(settings.modified().is_empty());
}

#[test]
fn correlated_settings_are_refused_at_once_by_name_and_when_saved_by_field() {
    let mut desk = Desk::in_memory();
    let settings = desk.open::<SipSimpleSettings>("");
    settings.set_text("sip.tcp_port", "5061").unwrap();
    let refused = settings.set_text("sip.tls_port", "5061").unwrap_err();
    assert_eq!(refused.to_string(), "sip.tls_port: '5061' does not go with sip.tcp_port: TCP and TLS need a port each");
    assert_eq!(settings.value("sip.tls_port"), Some(Value::from("0")));
    desk.manager.get_mut::<SipSimpleSettings>("").unwrap().sip.tls_port = 5061;
    let refused = desk.manager.save(&global(), &mut desk.out).unwrap_err();
    assert!(refused.to_string().starts_with("sip.tcp_port: '5061' does not go with sip.tls_port"), "{refused}");
    assert_eq!(desk.manager.record(&global()).unwrap().saved::<SipSimpleSettings>().unwrap().sip.tcp_port, 0);
    desk.manager.get_mut::<SipSimpleSettings>("").unwrap().sip.tls_port = 5062;
    desk.save(&global());
}

#[test]
fn the_configuration_of_the_agent_follows_them() {
    let mut desk = Desk::in_memory();
    let record = desk.open::<SipSimpleSettings>("");
    for (name, text) in [
        ("sip.invite_timeout", ""),
        ("rtp.timeout", "0"),
        ("rtp.symmetric_rtp", "no"),
        ("rtp.port_range", "6000-6100"),
        ("rtp.audio_codec_list", "opus, PCMU"),
        ("rtp.local_address", "192.0.2.6"),
        ("msrp.local_ip", "192.0.2.7"),
        ("msrp.local_port", "2855"),
        ("sip.transport_list", "udp"),
        ("user_agent", "phone"),
        ("instance_id", "urn:uuid:00000000-0000-4000-8000-000000000001"),
        ("dns.probe_domain", "example.com"),
        ("dns.fallback_servers", "192.0.2.53"),
        ("dns.authoritative_first", "yes"),
    ] {
        record.set_text(name, text).unwrap();
    }
    let mut config = Config::default();
    let settings = record.group::<SipSimpleSettings>().unwrap();
    record.modified().keys().for_each(|name| settings.configure(name, &mut config));
    assert_eq!((config.invite_timeout, config.rtp.timeout, config.rtp.symmetric), (None, None, false));
    assert_eq!((config.user_agent.as_str(), config.rtp.port_range), ("phone", (6000, 6100)));
    assert_eq!(config.rtp.audio_codecs, ["opus", "PCMU"]);
    assert_eq!(config.rtp.local_address, Some("192.0.2.6".parse().unwrap()));
    assert_eq!((config.msrp.address, config.msrp.port), (Some("192.0.2.7".parse().unwrap()), Port::Fixed(2855)));
    assert_eq!(config.dns.transports, [Transport::Udp]);
    assert_eq!(config.instance_id.as_deref(), Some("urn:uuid:00000000-0000-4000-8000-000000000001"));
    assert_eq!(config.dns.probe_domain, "example.com");
    assert_eq!(config.dns.fallback_nameservers, ["192.0.2.53:53".parse().unwrap()]);
    assert!(config.dns.authoritative_first);

    // And the other way round: what the program has configured are the defaults of its settings.
    let mut desk = Desk::in_memory();
    let names = configured_defaults(&config).map(|(name, value)| {
        desk.manager.set_default::<SipSimpleSettings>(name, &value).unwrap();
        name
    });
    let record = desk.open::<SipSimpleSettings>("");
    assert!(record.stored().is_empty());
    let mut again = Config::default();
    again.dns.probe_domain = config.dns.probe_domain.clone();
    let settings = record.group::<SipSimpleSettings>().unwrap();
    names.iter().for_each(|name| settings.configure(name, &mut again));
    assert_eq!(again, config);
}

#[test]
fn sockets_are_those_of_the_transports() {
    let mut settings = SipSimpleSettings { local_ip: "192.0.2.1".parse().ok(), ..SipSimpleSettings::default() };
    settings.sip.udp_port = 5060;
    let sockets = |settings: &SipSimpleSettings, tls| -> Vec<_> {
        settings.sockets(tls).iter().map(|on| (on.transport, on.address.to_string(), on.port)).collect()
    };
    let address = || "192.0.2.1".to_owned();
    let plain = [(Transport::Tcp, address(), Port::Random), (Transport::Udp, address(), Port::Fixed(5060))];
    assert_eq!(sockets(&settings, false), plain);
    assert_eq!(sockets(&settings, true)[0], (Transport::Tls, address(), Port::Random));
    assert_eq!(sockets(&SipSimpleSettings::default(), false).len(), 4, "both families");
}
