use std::time::Duration;

use super::*;

const PUBLIC: &str = "198.51.100.53:53";

fn config() -> DnsConfig {
    DnsConfig {
        nameservers: vec![addr(SERVER)],
        fallback_nameservers: vec![addr(PUBLIC)],
        probe_domain: "probe.test".into(),
        ..DnsConfig::default()
    }
}

fn probe_zone() -> Zone {
    Zone::parse(
        "probe.test NAPTR 10 10 s SIP+D2U - _sip._udp.probe.test
         _sip._udp.probe.test SRV 0 0 5060 sip.probe.test",
    )
}

/// A manager that was started; `fails` says which server fails in which second, and in what way.
fn started(fails: impl Fn(SocketAddr, u64) -> Option<&'static str> + 'static) -> Script {
    let clock = std::rc::Rc::new(std::cell::Cell::new(0));
    let mut script = Script::with(config(), {
        let clock = clock.clone();
        move |server, _, asked| match fails(server, clock.get()) {
            None => vec![Reply::Now(probe_zone().respond(asked))],
            Some("silent") => Vec::new(),
            Some("no srv") if asked.kind == Kind::Naptr => vec![Reply::Now(probe_zone().respond(asked))],
            Some(_) => vec![Reply::Now(zone::message(asked, 3, &[], &[], &[]))],
        }
    });
    script.call(|resolver, cx, out| resolver.start_manager(cx, out));
    for second in 0..60 {
        clock.set(second);
        script.run_for(Duration::from_secs(1));
    }
    script
}

fn servers(script: &Script) -> Vec<String> {
    script
        .news
        .iter()
        .map(|news| match news {
            ResolverEvent::DidInitialize { nameservers } => format!("init {}", nameservers[0]),
            ResolverEvent::NameserversDidChange { nameservers } => format!("change {}", nameservers[0]),
        })
        .collect()
}

#[test]
fn good_servers_of_the_system_are_used_and_asked_once() {
    let script = started(|_, _| None);
    assert_eq!(servers(&script), [format!("init {SERVER}")]);
    assert_eq!(script.questions(), ["probe.test NAPTR", "_sip._udp.probe.test SRV"]);
    assert_eq!(script.resolver.deadline(), None);
}

#[test]
fn servers_that_fail_are_replaced_until_they_work_again() {
    for fault in ["silent", "no srv", "nothing"] {
        let system = addr(SERVER);
        let script = started(move |server, second| (server == system && second < 20).then_some(fault));
        assert_eq!(
            servers(&script),
            [format!("init {SERVER}"), format!("change {PUBLIC}"), format!("change {SERVER}")],
            "{fault}"
        );
        assert_eq!(script.resolver.nameservers(), [system]);
        assert_eq!(script.resolver.deadline(), None, "{fault}: and it is content");
    }
}

#[test]
fn when_nobody_works_the_system_s_stay_and_are_asked_every_15_s() {
    let script = started(|_, second| (second < 40).then_some("refusal"));
    assert_eq!(servers(&script), [format!("init {SERVER}")]);
    let probes: Vec<u64> = script
        .sent
        .iter()
        .filter(|sent| sent.to == addr(SERVER) && sent.asked.kind == Kind::Naptr)
        .map(|sent| sent.at.as_millis() / 1000 - 1)
        .collect();
    assert_eq!(probes, [0, 15, 30, 45]);
}

#[test]
fn a_probe_does_not_believe_the_cache() {
    let mut script = started(|_, _| None);
    let asked = script.sent.len();
    script.call(|resolver, cx, out| resolver.network_changed(cx, out));
    script.drain();
    assert_eq!(script.sent.len(), asked + 2);
    script.call(|resolver, cx, out| {
        resolver.set_nameservers(cx, vec![addr("192.0.2.77:53")], out);
    });
    script.drain();
    assert_eq!(script.sent.len(), asked + 4);
    assert_eq!(script.resolver.nameservers(), [addr("192.0.2.77:53")]);
    script.call(|resolver, _, out| resolver.stop_manager(out));
    script.call(|resolver, cx, out| resolver.network_changed(cx, out));
    script.drain();
    assert_eq!(script.sent.len(), asked + 4, "a stopped manager does not probe");
}

#[test]
fn without_a_manager_the_system_s_servers_are_used_as_they_are() {
    let mut script = Script::with(config(), |_, _, _| Vec::new());
    script.drain();
    assert_eq!(servers(&script), [format!("init {SERVER}")]);
    script.call(|resolver, cx, out| resolver.set_nameservers(cx, vec![addr(PUBLIC)], out));
    script.drain();
    assert_eq!(servers(&script), [format!("init {SERVER}"), format!("change {PUBLIC}")]);
    assert!(script.sent.is_empty() && script.resolver.deadline().is_none());
}
