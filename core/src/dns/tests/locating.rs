use super::script::sip;
use super::*;

/// Checks rows of a URI, transports, and what comes of it.
fn check(rows: &[(&str, &str, &str)]) {
    for (uri, transports, expected) in rows {
        let mut script = Script::zone(lab());
        assert_eq!(script.routes(uri, transports), *expected, "{uri} over {transports}");
    }
}

#[test]
fn an_address_needs_no_lookup() {
    // RFC 3263 sections 4.1 and 4.2: a numeric host goes over UDP, or TLS where it is to be secure.
    let rows = [
        ("sip:192.0.2.4", "tls,tcp,udp", "udp:192.0.2.4:5060"),
        ("sip:192.0.2.4:5080", "udp", "udp:192.0.2.4:5080"),
        ("sip:[2001:db8::4]", "tls,tcp,udp", "udp:[2001:db8::4]:5060"),
        ("sip:192.0.2.4;transport=tcp", "tls,tcp,udp", "tcp:192.0.2.4:5060"),
        ("sip:192.0.2.4;transport=TLS", "tls,tcp,udp", "tls:192.0.2.4:5061"),
        ("sips:192.0.2.4", "tls,tcp,udp", "tls:192.0.2.4:5061"),
        ("sips:192.0.2.4:5080;transport=tcp", "tls,tcp,udp", "tls:192.0.2.4:5080"),
        ("sip:lab.test;maddr=192.0.2.5", "tls,tcp,udp", "udp:192.0.2.5:5060"),
        ("sip:192.0.2.4", "tls,tcp", "Transport udp dictated by URI is not supported"),
        ("sip:192.0.2.4;transport=tls", "tcp,udp", "Transport tls dictated by URI is not supported"),
        ("sips:192.0.2.4;transport=udp", "tls,tcp,udp", "Transport udp dictated by URI is not supported"),
        ("sips:192.0.2.4", "tcp,udp", "Transport tls dictated by URI is not supported"),
        ("sip:192.0.2.4;transport=sctp", "tls,tcp,udp", "Transport sctp dictated by URI is not supported"),
        ("sip:192.0.2.4", "", "No transports are supported"),
    ];
    check(&rows);
    for (uri, transports, _) in rows {
        let mut script = Script::zone(lab());
        script.routes(uri, transports);
        assert_eq!(script.questions(), [""; 0], "{uri}");
    }
}

#[test]
fn a_port_leads_to_the_addresses_of_the_host() {
    check(&[
        ("sip:aonly.test:5080", "tls,tcp,udp", "udp:192.0.2.21:5080 udp:192.0.2.22:5080"),
        ("sip:sip1.lab.test:5080;transport=tcp", "tls,tcp,udp", "tcp:[2001:db8::11]:5080 tcp:192.0.2.11:5080"),
        ("sips:aonly.test:5080", "tls,tcp,udp", "tls:192.0.2.21:5080 tls:192.0.2.22:5080"),
        ("sip:v6only.test:5080", "udp", "udp:[2001:db8::66]:5080"),
        ("sip:nothere.test:5080", "udp", "No routes found for SIP URI sip:nothere.test:5080"),
        ("sip:aonly.test:5080", "tls", "Transport udp dictated by URI is not supported"),
    ]);
    let mut script = Script::zone(lab());
    script.routes("sip:lab.test:5060", "tls,tcp,udp");
    assert_eq!(script.questions(), ["lab.test A", "lab.test AAAA"]);
}

#[test]
fn a_transport_leads_to_its_servers_and_then_to_the_host() {
    check(&[
        ("sip:lab.test;transport=tcp", "tls,tcp,udp", "tcp:[2001:db8::11]:5070 tcp:192.0.2.11:5070"),
        ("sip:lab.test;transport=tls", "tls,tcp,udp", "tls:192.0.2.1:5071"),
        ("sips:lab.test;transport=tcp", "tls,tcp,udp", "tls:192.0.2.1:5071"),
        ("sip:aonly.test;transport=tcp", "tls,tcp,udp", "tcp:192.0.2.21:5060 tcp:192.0.2.22:5060"),
        ("sip:aonly.test;transport=tls", "tls,tcp,udp", "tls:192.0.2.21:5061 tls:192.0.2.22:5061"),
        ("sip:lab.test;transport=tcp", "tls,udp", "Transport tcp dictated by URI is not supported"),
    ]);
    let mut script = Script::zone(lab());
    script.routes("sip:aonly.test;transport=tcp", "tls,tcp,udp");
    assert_eq!(script.questions(), ["_sip._tcp.aonly.test SRV", "aonly.test A", "aonly.test AAAA"]);
}

#[test]
fn a_domain_leads_to_its_services_in_its_own_order() {
    let udp = "udp:[2001:db8::11]:5070 udp:192.0.2.11:5070 udp:[2001:db8::11]:5074 udp:192.0.2.11:5074";
    let tcp = "tcp:[2001:db8::11]:5070 tcp:192.0.2.11:5070";
    check(&[
        ("sip:lab.test", "udp,tcp,tls", &format!("tls:192.0.2.1:5071 {tcp} {udp}")),
        ("sip:lab.test", "udp,tcp", &format!("{tcp} {udp}")),
        ("sip:lab.test", "udp", udp),
        ("sips:lab.test", "tls,tcp,udp", "tls:192.0.2.1:5071"),
        ("sips:lab.test", "tcp,udp", "Transport tls dictated by URI is not supported"),
        ("sip:pref.test", "tls,tcp,udp", &format!("{tcp} {udp}")),
        // A rule that leads nowhere does not spoil the others.
        ("sip:badnaptr.test", "tls,tcp,udp", udp),
        // Rules with a substitution, or that lead to further rules, are none of SIP's.
        ("sip:loops.test", "tls,tcp,udp", "udp:192.0.2.77:5060"),
    ]);
}

#[test]
fn without_rules_the_servers_come_in_the_application_s_order() {
    let tcp = "tcp:[2001:db8::11]:5070 tcp:192.0.2.11:5070";
    let udp = "udp:[2001:db8::11]:5070 udp:192.0.2.11:5070";
    check(&[
        ("sip:srvonly.test", "tls,tcp,udp", &format!("tls:192.0.2.1:5071 {tcp} {udp}")),
        ("sip:srvonly.test", "udp,tcp", &format!("{udp} {tcp}")),
        ("sips:srvonly.test", "udp,tcp,tls", "tls:192.0.2.1:5071"),
        // The first host has no address.
        ("sip:failover.test", "tls,tcp,udp", udp),
    ]);
}

#[test]
fn without_servers_the_host_itself_is_reached_over_udp() {
    check(&[
        ("sip:aonly.test", "tls,tcp,udp", "udp:192.0.2.21:5060 udp:192.0.2.22:5060"),
        ("sips:aonly.test", "tls,tcp,udp", "tls:192.0.2.21:5061 tls:192.0.2.22:5061"),
        ("sip:v6only.test", "tls,tcp,udp", "udp:[2001:db8::66]:5060"),
        ("sip:c1.test", "udp", "udp:192.0.2.21:5060 udp:192.0.2.22:5060"),
        ("sip:aonly.test", "tls,tcp", "No routes found for SIP URI sip:aonly.test"),
        ("sip:nothere.test", "udp", "No routes found for SIP URI sip:nothere.test"),
        ("sip:loop1.test", "udp", "No routes found for SIP URI sip:loop1.test"),
        ("sip:dangling.test", "udp", "No routes found for SIP URI sip:dangling.test"),
    ]);
}

#[test]
fn where_a_service_has_servers_its_domain_is_none() {
    // RFC 2782: a target of "." says that the service is not offered; and addresses of the domain count only without SRV records.
    check(&[
        ("sip:dot.test", "udp", "No routes found for SIP URI sip:dot.test"),
        ("sip:dot.test;transport=udp", "udp", "No routes found for SIP URI sip:dot.test;transport=udp"),
        ("sip:nohosts.test", "udp", "No routes found for SIP URI sip:nohosts.test"),
    ]);
}

#[test]
fn a_secure_uri_never_leads_to_anything_but_tls() {
    // DNS-1, at every step: whatever the zone says, and whatever is supported.
    for host in ["lab", "srvonly", "aonly", "pref", "badnaptr", "loops", "failover", "c1", "v6only", "dot"] {
        for tail in ["", ":5080", ";transport=tcp", ";transport=tls"] {
            let mut script = Script::zone(lab());
            let result = script.lookup(&sip(&format!("sips:{host}.test{tail}"), "udp,tcp,tls"));
            if let Ok(LookupResult::Routes(routes)) = result {
                let plain = routes.iter().find(|route| route.transport != crate::transport::Transport::Tls);
                assert_eq!(plain, None, "{host}{tail}");
            }
        }
    }
}

#[test]
fn the_order_of_the_records_does_not_matter() {
    // DNS-9. Weights decide by chance, which is the same here.
    for uri in ["sip:lab.test", "sip:srvonly.test", "sip:pref.test", "sip:aonly.test", "sip:sip1.lab.test:5060"] {
        let mut reversed = lab();
        reversed.records.reverse();
        let (mut one, mut other) = (Script::zone(lab()), Script::zone(reversed));
        assert_eq!(one.routes(uri, "tls,tcp,udp"), other.routes(uri, "tls,tcp,udp"), "{uri}");
    }
}

#[test]
fn what_comes_along_is_not_asked_for_again() {
    let zone = lab();
    let mut script = Script::new(move |_, _, asked| {
        let glue: Vec<Record> = zone.records.iter().filter(|record| record.data.address().is_some()).cloned().collect();
        vec![Reply::Now(zone::message(asked, 0, &zone.find(&asked.name, asked.kind), &[], &glue))]
    });
    script.routes("sip:lab.test;transport=tcp", "tcp");
    assert_eq!(script.questions(), ["_sip._tcp.lab.test SRV"]);
}
