//! ICE over real sockets, with coturn (Debian's `coturn`) as the server that tells and lends addresses.

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant as Clock};

use bytes::Bytes;

use sipsimple_core::ice::{Endpoint, Event, Incoming, Kind, RTP, Role, Servers, State};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::stun::{Binding, Message};
use sipsimple_core::time::Instant;
use sipsimple_core::turn;

use crate::peer::{LOOPBACKS, Running, find, free_port, has_address, sipsimple, wait_until_bound};

const LIMIT: Duration = Duration::from_secs(30);

/// A server with the user `alice`, whose password is `secret`. `None` where it is not installed.
fn coturn(address: &str) -> Option<(Running, SocketAddr)> {
    let program = find("turnserver")?;
    let folder = tempfile::tempdir().expect("a folder");
    let home = folder.path().to_str().expect("a name in UTF-8").to_owned();
    let (port, relays) = (free_port(address), free_port(address));
    let args = [
        "-n",
        "--listening-ip",
        address,
        "--listening-port",
        &port.to_string(),
        "--relay-ip",
        address,
        "--min-port",
        &relays.to_string(),
        "--max-port",
        &(relays + 5).to_string(),
        "--realm",
        "lab.test",
        "--lt-cred-mech",
        "--user",
        "alice:secret",
        "--fingerprint",
        "--allow-loopback-peers",
        "--no-cli",
        "--no-tls",
        "--no-dtls",
        "--no-tcp",
        "--verbose",
        "--log-file",
        "stdout",
        "--simple-log",
        "--pidfile",
        &format!("{home}/pid"),
        "--userdb",
        &format!("{home}/db"),
    ];
    let running = Running::start_in(&program, &args, folder);
    wait_until_bound(address, port);
    Some((running, SocketAddr::new(address.parse().expect("an address"), port)))
}

/// Sends an endpoint's datagrams, and brings it those that come.
struct Side {
    endpoint: Endpoint,
    socket: UdpSocket,
    /// Only to this address does anything get through.
    only: SocketAddr,
    events: Vec<Event>,
    media: BTreeSet<Bytes>,
}

impl Side {
    fn new(number: u64, role: Role, server: SocketAddr, password: &str) -> Self {
        let socket = UdpSocket::bind((server.ip(), 0)).expect("a socket");
        socket.set_nonblocking(true).expect("no waiting");
        let turn = turn::Server { address: server, username: "alice".into(), password: password.into() };
        let servers = Servers { stun: Vec::new(), turn: vec![turn] };
        let endpoint = Endpoint::new(role, servers, Random::new(&Seed::from_u64(number)));
        Self { endpoint, socket, only: server, events: Vec::new(), media: BTreeSet::new() }
    }

    fn gather(&mut self, now: Instant) {
        let local = self.socket.local_addr().expect("its address");
        self.endpoint.gather(now, &[(RTP, local)]);
    }

    fn turn(&mut self, now: Instant) {
        let mut buffer = [0; 2048];
        while let Ok((length, from)) = self.socket.recv_from(&mut buffer) {
            let data = Bytes::copy_from_slice(&buffer[..length]);
            if let Incoming::Media { data, .. } = self.endpoint.datagram(now, RTP, from, data) {
                self.media.insert(data);
            }
        }
        if self.endpoint.deadline().is_some_and(|deadline| deadline <= now) {
            self.endpoint.timeout(now);
        }
        while let Some(transmit) = self.endpoint.poll_transmit() {
            if transmit.to == self.only {
                self.socket.send_to(&transmit.data, transmit.to).expect("it is sent");
            }
        }
        self.events.extend(std::iter::from_fn(|| self.endpoint.poll_event()));
    }
}

/// Lets the sides go on until this holds.
fn run(start: Clock, sides: &mut [Side], until: impl Fn(&[Side]) -> bool) -> Instant {
    let begun = Clock::now();
    loop {
        let now = Instant::from_nanos(u64::try_from(start.elapsed().as_nanos()).expect("a short test"));
        sides.iter_mut().for_each(|side| side.turn(now));
        if until(sides) {
            return now;
        }
        let told: Vec<_> = sides.iter().map(|side| &side.events).collect();
        assert!(begun.elapsed() < LIMIT, "nothing more in {LIMIT:?}: {told:?}");
        std::thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn it_tells_our_address() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some((_running, server)) = coturn(address) else { return };
        let socket = UdpSocket::bind((server.ip(), 0)).expect("a socket");
        socket.set_read_timeout(Some(LIMIT)).expect("a limit");
        let (binding, request) = Binding::start(Instant::ZERO, &mut Random::new(&Seed::from_u64(1)));
        socket.send_to(&request, server).expect("it is sent");
        let mut buffer = [0; 2048];
        let (length, _) = socket.recv_from(&mut buffer).expect("an answer");
        let answer = Message::parse(Bytes::copy_from_slice(&buffer[..length])).expect("STUN");
        assert_eq!(binding.response(&answer), Some(Some(socket.local_addr().expect("its address"))));
    }
}

#[test]
fn two_whom_nothing_else_joins_meet_at_its_relay() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some((mut running, server)) = coturn(address) else { return };
        let start = Clock::now();
        let mut sides = [(1, Role::Controlling), (2, Role::Controlled)]
            .map(|(number, role)| Side::new(number, role, server, "secret"));
        sides.iter_mut().for_each(|side| side.gather(Instant::ZERO));
        let gathered = |sides: &[Side]| sides.iter().all(|side| !side.events.is_empty());
        let now = run(start, &mut sides, gathered);
        let descriptions = sides.each_ref().map(|side| side.endpoint.description());
        for description in &descriptions {
            assert!(description.candidates.iter().any(|candidate| candidate.kind == Kind::Relayed), "{description:?}");
        }
        for (side, remote) in sides.iter_mut().zip([&descriptions[1], &descriptions[0]]) {
            side.endpoint.negotiate(now, remote);
        }
        let ended = |sides: &[Side]| {
            sides.iter().all(|side| matches!(side.endpoint.agent().state(), State::Completed | State::Failed))
        };
        run(start, &mut sides, ended);
        for side in &sides {
            let chosen = side.endpoint.agent().selected(RTP).unwrap_or_else(|| panic!("{:?}", side.events));
            assert_eq!((chosen.local.kind, chosen.remote.kind), (Kind::Relayed, Kind::Relayed));
        }
        // Before and after the channels are open.
        for round in 0..50_u8 {
            let now = run(start, &mut sides, |_| true);
            for side in &mut sides {
                let data = Bytes::from(vec![0x80, round, 1, 2, 3]);
                assert!(side.endpoint.send(now, RTP, None, data));
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        run(start, &mut sides, |sides| sides.iter().all(|side| side.media.len() == 50));
        let now = run(start, &mut sides, |_| true);
        sides.iter_mut().for_each(|side| side.endpoint.release(now));
        run(start, &mut sides, |sides| sides.iter().all(|side| side.endpoint.is_finished()));
        running.wait_for("lifetime=0", LIMIT);
    }
}

#[test]
fn a_wrong_password_costs_only_the_relay() {
    let Some((_running, server)) = coturn("127.0.0.1") else { return };
    let mut sides = [Side::new(1, Role::Controlling, server, "wrong")];
    sides[0].gather(Instant::ZERO);
    let start = Clock::now();
    run(start, &mut sides, |sides| !sides[0].events.is_empty());
    let candidates = sides[0].endpoint.description().candidates;
    assert!(candidates.iter().all(|candidate| candidate.kind == Kind::Host), "{candidates:?}");
}

#[test]
fn two_of_our_programs_find_a_path() {
    for address in LOOPBACKS.into_iter().filter(|address| has_address(address)) {
        let Some((_running, server)) = coturn(address) else { return };
        let port = free_port(address);
        let place = SocketAddr::new(server.ip(), port);
        let listen = format!("udp:{place}");
        let (stun, turn) = (server.to_string(), format!("alice:secret@{server}"));
        let servers = ["--ice", "--stun", &stun, "--turn", &turn];
        let answer = [&["answer", "--listen", &listen][..], &servers].concat();
        let mut answering = Running::start(sipsimple(), &answer);
        wait_until_bound(address, port);
        let uri = format!("sip:bob@{place}");
        let call = [&["call", &uri, "--duration", "2"][..], &servers].concat();
        let mut calling = Running::start(sipsimple(), &call);
        calling.wait_for("ICE found a path", LIMIT);
        answering.wait_for("ICE found a path", LIMIT);
        calling.succeed(LIMIT);
    }
}
