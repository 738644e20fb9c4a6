//! Lookups of the application, and calls to names: the resolver's packets through the agent's own effects and inputs.

use super::*;
use crate::dns::tests::zone::{Zone, asked, message};
use crate::dns::{LookupEvent, LookupResult, ResolverEvent, Service, wire};
use crate::session::SessionError;
use crate::transport::SocketKind;

const NAMESERVER: &str = "192.0.2.53:53";

/// An agent with a name server.
struct Located {
    agent: Agent,
    now: Instant,
    zone: Zone,
    /// Whether the name server answers.
    answers: bool,
    /// Whether it answers over TCP only.
    truncates: bool,
    queries: usize,
    open: usize,
    sip: Vec<(SocketAddr, Message)>,
    /// The STUN servers that media paths were told of.
    stun: Vec<SocketAddr>,
    events: Vec<EventKind>,
    lines: Vec<String>,
}

impl Located {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        let mut config = Config::default();
        for transport in [Transport::Udp, Transport::Tcp] {
            config.listen.push(Listen { transport, address: OURS.parse().unwrap(), port: Port::Fixed(5060) });
        }
        config.dns.nameservers = vec![address(NAMESERVER)];
        change(&mut config);
        let zone = Zone::parse(
            "them.test NAPTR 10 10 s SIP+D2U - _sip._udp.them.test
             _sip._udp.them.test SRV 10 0 5080 sip.them.test
             sip.them.test A 192.0.2.4
             _stun._udp.them.test SRV 0 0 3479 sip.them.test
             xcap.them.test TXT https://xcap.them.test/root",
        );
        let agent = Agent::new_traced(config, Seed::from_u64(1), Instant::ZERO, Utc::default()).unwrap();
        let mut located = Self {
            agent,
            now: Instant::ZERO,
            zone,
            answers: true,
            truncates: false,
            queries: 0,
            open: 0,
            sip: Vec::new(),
            stun: Vec::new(),
            events: Vec::new(),
            lines: Vec::new(),
        };
        located.drain();
        let spec = AccountSpec { any_user: true, ..AccountSpec::new("sip:us@192.0.2.9") };
        located.intend(Intent::AddAccount(spec)).unwrap();
        located
    }

    fn intend(&mut self, intent: Intent) -> Result<Outcome, IntentError> {
        let result = self.agent.intend(self.now, intent);
        self.drain();
        result
    }

    fn pass(&mut self, time: Duration) {
        let until = self.now + time;
        while let Some(deadline) = self.agent.poll_timeout().filter(|deadline| deadline.at <= until) {
            self.now = self.now.max(deadline.at);
            self.agent.handle(self.now, Input::Tick { utc: None });
            self.drain();
        }
        self.now = until;
    }

    fn drain(&mut self) {
        loop {
            if let Some(effect) = self.agent.poll_effect() {
                self.effect(effect);
            } else if let Some(event) = self.agent.poll_event() {
                self.events.push(event.kind);
            } else {
                break;
            }
        }
        self.lines.extend(std::iter::from_fn(|| self.agent.poll_trace()));
    }

    fn effect(&mut self, effect: Effect) {
        let now = self.now;
        let input = match effect {
            Effect::Bind { socket, kind, addr, port } => {
                assert_eq!(kind == SocketKind::Udp && port == Port::Random, addr.is_unspecified());
                self.open += usize::from(port == Port::Random);
                let local = SocketAddr::new(addr, if port == Port::Random { 40_000 } else { 5060 });
                Input::Socket { socket, event: SocketEvent::Bound { local } }
            }
            Effect::Unbind { socket } => {
                self.open = self.open.saturating_sub(1);
                Input::Socket { socket, event: SocketEvent::Closed }
            }
            Effect::Send { on, to, data } if to == address(NAMESERVER) => {
                self.queries += 1;
                let asked = asked(&data);
                let mut data =
                    if self.truncates { message(&asked, 0, &[], &[], &[]) } else { self.zone.respond(&asked) };
                data[2] |= if self.truncates { 2 } else { 0 };
                if !self.answers {
                    return;
                }
                Input::Datagram { socket: on, from: to, to: None, interface: None, ttl: None, data: data.into() }
            }
            Effect::Send { to, data, .. } => {
                self.sip.push((to, Message::parse(data, &self.agent.config.limits).unwrap()));
                return;
            }
            Effect::Open { conn, to, .. } => {
                let event = ConnectionEvent::Open { local: address("192.0.2.9:40001"), peer: to, tls: None };
                Input::Stream { conn, event }
            }
            Effect::Write { conn, data } => {
                let asked = asked(wire::unframed(&data).unwrap().0);
                assert!(self.agent.read_budget(conn) > 65_535);
                let event = ConnectionEvent::Data(wire::framed(&self.zone.respond(&asked)));
                Input::Stream { conn, event }
            }
            Effect::Close { conn, .. } => Input::Stream { conn, event: ConnectionEvent::Closed(CloseCause::Local) },
            Effect::Media { stream, command: media::Command::Prepare(setup) } => {
                self.stun.extend(setup.ice.into_iter().flat_map(|ice| ice.servers.stun));
                let at =
                    |component, port| Candidate { component, address: SocketAddr::new(OURS.parse().unwrap(), port) };
                let candidates = vec![at(Component::Rtp, 4000), at(Component::Rtcp, 4001)];
                Input::Media { stream, event: media::Event::Ready { candidates } }
            }
            _ => return,
        };
        self.agent.handle(now, input);
    }

    fn lookup(&mut self, intent: Intent) -> LookupEvent {
        let Ok(Outcome::Lookup(id)) = self.intend(intent) else { panic!() };
        self.pass(Duration::from_secs(20));
        let mut ends = self.events.iter().filter_map(|event| match event {
            EventKind::Lookup { id: of, event } if *of == id && !matches!(event, LookupEvent::Trace(_)) => Some(event),
            _ => None,
        });
        let end = ends.next().unwrap().clone();
        assert_eq!(ends.next(), None, "it ends once");
        end
    }

    fn connect(&mut self, to: &str) -> Result<SessionId, IntentError> {
        let connect = Intent::Connect {
            account: AccountId::from_u64(0),
            to: to.into(),
            routes: Vec::new(),
            streams: vec![StreamSpec::Audio(AudioSpec::default())],
            late_offer: false,
        };
        match self.intend(connect)? {
            Outcome::Session(id) => Ok(id),
            other => panic!("{other:?}"),
        }
    }

    fn failure(&self) -> Option<String> {
        self.events.iter().find_map(|event| match event {
            EventKind::Session { event: SessionEvent::DidFail { failure_reason, .. }, .. } => {
                Some(failure_reason.to_string())
            }
            _ => None,
        })
    }
}

fn proxy(uri: &str) -> Intent {
    let transports = vec![Transport::Tcp, Transport::Udp];
    Intent::LookupSipProxy { uri: uri.into(), transports, timeout: None, lifetime: None }
}

fn result(event: LookupEvent) -> LookupResult {
    match event {
        LookupEvent::DidSucceed { result } => result,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_application_looks_up_what_the_seeds_let_it() {
    for truncates in [false, true] {
        let mut located = Located::new();
        located.truncates = truncates;
        let routes = result(located.lookup(proxy("sip:them.test")));
        assert_eq!(routes, LookupResult::Routes(vec!["udp:192.0.2.4:5080".parse().unwrap()]));
        let service = Intent::LookupService {
            uri: "sip:them.test".into(),
            service: Service::Stun,
            timeout: None,
            lifetime: None,
        };
        assert_eq!(result(located.lookup(service)), LookupResult::Servers(vec![address("192.0.2.4:3479")]));
        let xcap = Intent::LookupXcapServer { uri: "sip:them.test".into(), timeout: None, lifetime: None };
        assert_eq!(result(located.lookup(xcap)), LookupResult::Uris(vec!["https://xcap.them.test/root".into()]));
        let names: Vec<_> = located.events.iter().flat_map(EventKind::names).copied().collect();
        for name in ["DNSLookupDidSucceed", "DNSLookupTrace", "DNSResolverDidInitialize"] {
            assert!(names.contains(&name), "{name}");
        }
        assert!(located.agent.is_quiescent());
        assert_eq!(located.open, 0, "every socket was closed");
    }
}

#[test]
fn a_lookup_that_fails_says_why_within_its_lifetime() {
    let mut located = Located::new();
    located.answers = false;
    let intent = Intent::LookupSipProxy {
        uri: "sip:them.test".into(),
        transports: vec![Transport::Udp],
        timeout: Some(Duration::from_secs(1)),
        lifetime: Some(Duration::from_secs(2)),
    };
    let Ok(Outcome::Lookup(_)) = located.intend(intent) else { panic!() };
    located.pass(Duration::from_millis(1999));
    assert!(!located.agent.is_quiescent());
    located.pass(Duration::from_millis(1));
    let Some(EventKind::Lookup { event: LookupEvent::DidFail { error }, .. }) = located.events.last() else { panic!() };
    assert_eq!(error.to_string(), "Timeout in lookup for routes for SIP URI sip:them.test");
    assert_eq!(located.events.last().unwrap().names(), ["DNSLookupDidFail"]);
    assert!(located.agent.is_quiescent());
    let LookupEvent::DidFail { error } = located.lookup(proxy("sip:192.0.2.4;transport=tls")) else { panic!() };
    assert_eq!(error.to_string(), "Transport tls dictated by URI is not supported");
}

#[test]
fn stun_servers_are_those_of_the_accounts_domain_where_its_settings_name_none() {
    for (stun_servers, use_ice, expected) in [
        (vec![], true, &["192.0.2.4:3479"][..]),
        (vec!["192.0.2.77".into()], true, &["192.0.2.77:3478"]),
        (vec![], false, &[]),
    ] {
        let mut located = Located::new();
        let spec = AccountSpec { use_ice, stun_servers, ..AccountSpec::new("sip:alice@them.test") };
        let Ok(Outcome::Account(account)) = located.intend(Intent::AddAccount(spec)) else { panic!() };
        located.pass(Duration::from_secs(1));
        let streams = vec![StreamSpec::Audio(AudioSpec::default())];
        let connect =
            Intent::Connect { account, to: "sip:bob@192.0.2.4".into(), routes: Vec::new(), streams, late_offer: false };
        located.intend(connect).unwrap();
        located.pass(Duration::from_secs(1));
        assert_eq!(located.stun, expected.iter().map(|server| address(server)).collect::<Vec<_>>());
    }
}

#[test]
fn the_stun_servers_of_a_domain_are_asked_for_once() {
    let mut located = Located::new();
    let spec = |uri: &str| AccountSpec { use_ice: true, ..AccountSpec::new(uri) };
    let Ok(Outcome::Account(account)) = located.intend(Intent::AddAccount(spec("sip:alice@them.test"))) else {
        panic!()
    };
    let change = |located: &mut Located, spec| located.intend(Intent::ChangeAccount { account, spec }).unwrap();
    let asked = located.queries;
    assert!(asked > 0);
    for display_name in ["Alice", "Alice Liddell"] {
        let spec = AccountSpec { display_name: Some(display_name.into()), ..spec("sip:alice@them.test") };
        change(&mut located, spec);
    }
    assert_eq!(located.queries, asked, "they are known");
    let streams = vec![StreamSpec::Audio(AudioSpec::default())];
    let connect =
        Intent::Connect { account, to: "sip:bob@192.0.2.4".into(), routes: Vec::new(), streams, late_offer: false };
    located.intend(connect).unwrap();
    assert_eq!(located.stun, [address("192.0.2.4:3479")], "and were kept");

    // While an answer is awaited it is not asked for again; another domain is asked for instead.
    located.answers = false;
    change(&mut located, spec("sip:alice@other.test"));
    let (asked, open) = (located.queries, located.open);
    assert_eq!(open, 1);
    let name = Some("Alice".into());
    change(&mut located, AccountSpec { display_name: name, ..spec("sip:alice@other.test") });
    assert_eq!((located.queries, located.open), (asked, open));
    change(&mut located, spec("sip:alice@third.test"));
    assert_eq!((located.queries, located.open), (asked + 1, open), "the one before was given up");
    change(&mut located, AccountSpec::new("sip:alice@third.test"));
    assert_eq!(located.open, 0, "nobody wants to know");
    // What was not answered is asked for again.
    change(&mut located, spec("sip:alice@third.test"));
    located.pass(Duration::from_secs(20));
    let asked = located.queries;
    change(&mut located, spec("sip:alice@third.test"));
    assert_eq!(located.queries, asked + 1);
    located.intend(Intent::RemoveAccount(account)).unwrap();
    assert_eq!(located.open, 0);
}

#[test]
fn lookups_that_cannot_start_are_refused_at_once() {
    let mut located = Located::with(|config| config.limits.dns_lookups = 1);
    let refused = |result: Result<Outcome, IntentError>| result.unwrap_err().to_string();
    assert_eq!(refused(located.intend(proxy("them.test"))), "'them.test' is not a SIP URI");
    assert_eq!(refused(located.intend(proxy("tel:+123"))), "'tel:+123' is not a SIP URI");
    located.answers = false;
    located.intend(proxy("sip:them.test")).unwrap();
    assert_eq!(refused(located.intend(proxy("sip:them.test"))), "there are as many lookups as the limits allow");
    located.intend(Intent::ShutDown).unwrap();
    assert_eq!(refused(located.intend(proxy("sip:them.test"))), "the agent is shutting down");
}

#[test]
fn a_call_to_a_name_waits_for_its_location() {
    let mut located = Located::new();
    let session = located.connect("sip:bob@them.test").unwrap();
    let invite = located.sip.iter().find(|(_, message)| matches!(message, Message::Request(_)));
    let (to, Message::Request(invite)) = invite.unwrap() else { panic!() };
    assert_eq!(*to, address("192.0.2.4:5080"));
    assert_eq!(invite.uri().unwrap().to_string(), "sip:bob@them.test");
    assert!(located.agent.session(located.now, session).is_some());
}

#[test]
fn a_call_to_nowhere_fails_with_a_sentence() {
    for (to, reason) in [
        ("sip:bob@nowhere.test", "No routes found for SIP URI sip:bob@nowhere.test"),
        ("sips:bob@them.test", "Transport tls dictated by URI is not supported"),
        ("<sip:bob@them.test;transport=sctp>", "Transport sctp dictated by URI is not supported"),
    ] {
        let mut located = Located::new();
        located.connect(to).unwrap();
        assert_eq!(located.failure().as_deref(), Some(reason));
        assert!(located.agent.is_quiescent() && located.sip.is_empty());
    }
    let mut located = Located::with(|config| config.dns.nameservers.clear());
    located.connect("sip:bob@them.test").unwrap();
    assert_eq!(located.failure().as_deref(), Some("No name server is known to look up them.test"));
    located.agent.handle(located.now, Input::Nameservers(vec![address(NAMESERVER)]));
    located.drain();
    let news = EventKind::Resolver { event: ResolverEvent::DidInitialize { nameservers: vec![address(NAMESERVER)] } };
    assert!(located.events.contains(&news));
    located.connect("sip:bob@them.test").unwrap();
    assert_eq!(located.sip.len(), 1);
}

#[test]
fn a_call_that_ends_before_it_is_located_goes_nowhere() {
    let mut located = Located::new();
    located.answers = false;
    let session = located.connect("sip:bob@them.test").unwrap();
    located.pass(Duration::from_secs(1));
    located.intend(Intent::End { session }).unwrap();
    assert!(located.agent.is_quiescent(), "and its lookup with it");
    let queries = located.queries;
    located.pass(Duration::from_secs(60));
    assert_eq!((located.queries, located.sip.len(), located.open), (queries, 0, 0));
    let late = located.agent.session(located.now, session).map(|mut session| session.end());
    assert!(late.is_none_or(|late| late == Err(SessionError::Unknown(session))));
}

#[test]
fn a_shutdown_ends_lookups_and_closes_their_sockets() {
    let mut located = Located::new();
    located.answers = false;
    located.intend(proxy("sip:them.test")).unwrap();
    located.connect("sip:bob@them.test").unwrap();
    located.intend(Intent::StartDnsManager).unwrap();
    located.intend(Intent::ShutDown).unwrap();
    located.pass(Duration::from_secs(60));
    assert_eq!(located.events.last(), Some(&EventKind::ShutDown));
    let cancelled = |event: &&EventKind| event.names() == ["DNSLookupDidFail"];
    assert_eq!(located.events.iter().filter(cancelled).count(), 1);
    assert_eq!((located.open, located.agent.poll_timeout()), (0, None));
    assert!(located.failure().is_some());
}

#[test]
fn lookups_replay() {
    let mut located = Located::new();
    located.truncates = true;
    located.lookup(proxy("sip:them.test"));
    located.connect("sip:bob@them.test").unwrap();
    let lines = located.lines.iter().map(String::as_str);
    assert!(crate::trace::replay(lines).unwrap().effects > 20);
}
