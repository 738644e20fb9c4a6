//! The objects of seed 000.

use super::*;
use crate::sip::Host;

#[test]
fn their_defaults_are_those_of_seed_000() {
    let rtp = RtpConfiguration::default();
    assert_eq!((rtp.local_rtp_address, rtp.use_srtp, rtp.srtp_forced), (None, false, false));
    assert_eq!((rtp.use_ice, rtp.ice_stun_address, rtp.ice_stun_port), (false, None, 3478));
    let msrp = MsrpConfiguration::default();
    assert_eq!((msrp.local_ip, msrp.local_port, msrp.local_use_tls), (None, None, true));
    assert_eq!((msrp.use_relay_incoming, msrp.use_relay_outgoing), (true, false));
    assert_eq!((msrp.relay_host, msrp.relay_port, msrp.relay_use_tls), (None, None, None));
}

#[test]
fn what_they_say_becomes_the_settings() {
    let (mut settings, mut account) = (SipSimpleSettings::default(), AccountSettings::default());
    let host = |text: &str| text.parse::<Host>().ok();
    let rtp = RtpConfiguration {
        local_rtp_address: "192.0.2.1".parse().ok(),
        use_srtp: true,
        srtp_forced: true,
        use_ice: true,
        ice_stun_address: host("192.0.2.2"),
        ice_stun_port: 7,
    };
    rtp.apply(&mut settings, &mut account);
    assert_eq!(RtpConfiguration::new(&settings, &account), rtp);
    assert_eq!(account.rtp.srtp_encryption, kind::SrtpEncryption::Mandatory);
    let msrp = MsrpConfiguration {
        local_ip: "192.0.2.1".parse().ok(),
        local_port: Some(2855),
        local_use_tls: false,
        use_relay_incoming: false,
        use_relay_outgoing: true,
        relay_host: host("relay.example.com"),
        relay_port: Some(1),
        relay_use_tls: Some(false),
    };
    msrp.apply(&mut settings, &mut account);
    assert_eq!(MsrpConfiguration::new(&settings, &account), msrp);
    let usual = MsrpConfiguration { relay_port: None, relay_use_tls: None, ..msrp };
    usual.apply(&mut settings, &mut account);
    assert_eq!(account.nat_traversal.msrp_relay.unwrap().to_string(), "relay.example.com");
}
