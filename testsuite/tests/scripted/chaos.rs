//! Random schedules: a peer that does anything a peer may do, and some things that none should, over a network that loses, repeats,
//! reorders, delays and resets. Whatever it does, the properties hold, and in the end nothing is left.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use sipsimple_core::agent::{AccountSpec, Config, Intent, Outcome};
use sipsimple_core::id::{ConnId, SessionId};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::stream::{AudioSpec, StreamSpec};
use sipsimple_core::transport::{CloseHow, Route, Transport};
use sipsimple_testsuite::application::Answering;
use sipsimple_testsuite::draft::{Draft, Side, audio};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::property;
use sipsimple_testsuite::script::{Script, Turn, Way};
use sipsimple_testsuite::sip::Sip;
use sipsimple_testsuite::world::World;

const CALLS: u64 = 12;
const ALICE: &str = "10.0.0.1:5060";

/// Hangs up on what it has called, and hurries: everything is over when its `until` has come.
struct Chaos {
    random: Random,
    names: u32,
    /// The calls that were answered: their side, and whether it hung up.
    sides: Vec<Side>,
    invites: Vec<Sip>,
    conns: Vec<ConnId>,
    until: sipsimple_core::time::Instant,
}

const ALARM: u64 = 0;

impl Chaos {
    fn below(&mut self, limit: u64) -> u64 {
        self.random.below(limit)
    }

    fn pick<T: Clone>(&mut self, from: &[T]) -> T {
        let index = usize::try_from(self.random.below(from.len() as u64)).unwrap();
        from[index].clone()
    }

    fn name(&mut self) -> String {
        self.names += 1;
        format!("chaos{}", self.names)
    }

    fn pause(&mut self) -> Duration {
        let most = self.pick(&[0, 0, 50, 700, 5000, 20_000]);
        self.random.duration(Duration::ZERO, Duration::from_millis(most))
    }

    /// Sends it after a while, and now and then twice: but for a request on a connection, which would be another one once the first was answered and forgotten.
    fn say(&mut self, turn: &mut Turn, way: Way, draft: &Draft) {
        let again = self.below(4) / 3;
        let once = matches!(way, Way::Stream(_)) && draft.sip().code() == 0;
        for _ in 0..=if once { 0 } else { again } {
            let after = self.pause();
            turn.send_after(after, way, draft.bytes());
        }
    }

    fn respond(&mut self, letter: &Letter, turn: &mut Turn, code: u16) {
        let tag = self.pick(&["b", "b", "b", "c", "d"]);
        let mut draft = Draft::response(&letter.sip, code, tag);
        if code > 100 {
            draft = draft.with("Contact", format!("<sip:chaos@{}>", turn.own));
        }
        if (101..200).contains(&code) && self.below(3) == 0 {
            let rseq: u32 = self.pick(&[1, 1, 2, 3, 7]);
            draft = draft.with("Require", "100rel").with("RSeq", rseq.to_string());
        }
        if code == 200 && matches!(letter.sip.request(), "INVITE" | "UPDATE") && self.below(3) == 0 {
            let interval = self.pick(&["90;refresher=uac", "100;refresher=uas", "50;refresher=uac", "x"]);
            draft = draft.with("Session-Expires", interval);
        }
        let described = (code == 200 && letter.sip.request() == "INVITE") || (code == 183 && self.below(2) == 0);
        if described {
            let body = self.description(turn.own);
            draft = draft.body("application/sdp", body);
        }
        self.say(turn, letter.into(), &draft);
    }

    fn description(&mut self, own: SocketAddr) -> String {
        let plain = audio(own, 4000);
        match self.below(12) {
            0 => plain.replace("sendrecv", "inactive"),
            1 => plain.replace("RTP/AVP 0 8 101", "RTP/AVP 97"),
            2 => "v=0".to_owned(),
            3 => plain.replace("m=audio 4000", "m=audio 0"),
            _ => plain,
        }
    }

    /// A request came.
    fn requested(&mut self, letter: &Letter, turn: &mut Turn) {
        let sip = &letter.sip;
        match sip.request() {
            "INVITE" => {
                for _ in 0..self.below(4) {
                    let code = self.pick(&[100, 100, 180, 183, 199]);
                    self.respond(letter, turn, code);
                }
                let finals = if turn.now > self.until { 1 } else { self.pick(&[0, 1, 1, 1, 2]) };
                for _ in 0..finals {
                    let code = self.pick(&[200, 200, 200, 302, 404, 486, 487, 503, 603, 699]);
                    self.respond(letter, turn, code);
                }
            }
            "ACK" => {
                if self.below(3) == 0 {
                    let mut side = Side::callee(sip, "b", turn.own);
                    side.target = "sip:alice@10.0.0.1".to_owned();
                    let (method, name) = (self.pick(&["BYE", "BYE", "OPTIONS", "DANCE"]), self.name());
                    let request = side.request(method, &name);
                    self.say(turn, Way::Datagram(ALICE.parse().unwrap()), &request);
                }
            }
            _ => match self.below(6) {
                0 => {}
                1 => self.respond(letter, turn, 100),
                2 => self.respond(letter, turn, 481),
                _ => self.respond(letter, turn, 200),
            },
        }
    }

    /// A response to a request of its own came.
    fn responded(&mut self, letter: &Letter, turn: &mut Turn) {
        let sip = &letter.sip;
        let Some(invite) = self.invites.iter().find(|invite| invite.branch() == sip.branch()).cloned() else { return };
        if sip.cseq().1 != "INVITE" {
            return;
        }
        if sip.code() >= 200 && (turn.now > self.until || self.below(5) != 0) {
            let ack = Draft::ack(&invite, sip);
            self.say(turn, letter.into(), &ack);
        }
        if sip.code() >= 300 {
            return;
        }
        let side = Side::caller(&invite, sip, turn.own);
        if sip.code() > 100
            && !self.sides.iter().any(|known| (&known.call_id, &known.remote) == (&side.call_id, &side.remote))
        {
            self.sides.push(side);
        }
        if sip.code() < 200 && self.below(4) == 0 {
            self.say(turn, letter.into(), &Draft::cancel(&invite));
        }
        if let Some(rseq) = sip.header("rseq").map(str::to_owned).filter(|_| self.below(5) != 0) {
            let (name, number) = (self.name(), sip.cseq().0);
            let known = |side: &&mut Side| side.remote == sip.header("to").unwrap_or_default();
            if let Some(side) = self.sides.iter_mut().find(known) {
                let prack = side.request("PRACK", &name).with("RAck", format!("{rseq} {number} INVITE"));
                self.say(turn, letter.into(), &prack);
            }
        }
    }

    /// A request with what extensions say, now and then, and not always what they should.
    fn extended(&mut self, mut draft: Draft) -> Draft {
        let method = draft.sip().request().to_owned();
        let mut maybe = |name: &str, values: &[&str]| {
            if self.random.below(2) == 0 {
                let index = usize::try_from(self.random.below(values.len() as u64)).unwrap();
                draft = draft.clone().with(name, values[index]);
            }
        };
        match method.as_str() {
            "INVITE" | "UPDATE" => {
                maybe("Supported", &["100rel, timer", "timer", "100rel"]);
                maybe("Session-Expires", &["60", "90", "120;refresher=uac", "120;refresher=uas", "x"]);
                maybe("Min-SE", &["90", "200", "x"]);
                maybe("Replaces", &["x;to-tag=1;from-tag=2", "x", "x;to-tag=1;from-tag=2;early-only"]);
                maybe("Reason", &["SIP;cause=200", "x;;;", "Q.850;cause=16;text=\"a, b\""]);
            }
            "PRACK" => maybe("RAck", &["1 1 INVITE", "7 1 INVITE", "x"]),
            "REFER" => {
                maybe("Refer-To", &["<sip:carol@10.9.0.2>", "<mailto:x>", "<sip:a@b>, <sip:c@d>"]);
                maybe("Refer-To", &["<sip:dave@10.9.0.2>"]);
                maybe("Refer-Sub", &["false", "true"]);
            }
            "NOTIFY" => {
                maybe("Event", &["refer", "refer;id=1", "presence", "x"]);
                maybe("Subscription-State", &["active;expires=60", "terminated;reason=noresource", "x;y"]);
                maybe("Content-Type", &["message/sipfrag", "text/plain"]);
            }
            _ => maybe("Reason", &["SIP;cause=600;text=\"Busy\"", "SIP;cause=high", "preemption;cause=1"]),
        }
        draft
    }

    /// Something of its own accord.
    fn begin(&mut self, turn: &mut Turn) {
        let alice = Way::Datagram(ALICE.parse().unwrap());
        let conn = self.conns.last().copied().filter(|_| self.random.below(3) == 0);
        let way = conn.map_or(alice, Way::Stream);
        let name = self.name();
        match self.below(10) {
            0..4 => {
                let mut invite = Draft::request("INVITE", "sip:alice@10.0.0.1", turn.own, &name);
                if matches!(way, Way::Stream(_)) {
                    invite = invite.set("Via", format!("SIP/2.0/TCP {};branch=z9hG4bK-{name}", turn.own));
                }
                if self.below(5) != 0 {
                    let body = self.description(turn.own);
                    invite = invite.body("application/sdp", body);
                }
                invite = self.extended(invite);
                self.invites.push(invite.sip());
                self.say(turn, way, &invite);
            }
            4..6 if !self.sides.is_empty() => {
                let index = usize::try_from(self.random.below(self.sides.len() as u64)).unwrap();
                let method =
                    self.pick(&["BYE", "INVITE", "OPTIONS", "UPDATE", "UPDATE", "PRACK", "REFER", "NOTIFY", "INFO"]);
                let offers = method == "INVITE" || (matches!(method, "UPDATE" | "PRACK") && self.below(2) == 0);
                let body = self.description(turn.own);
                let Some(side) = self.sides.get_mut(index) else { return };
                let mut request = side.request(method, &name);
                if offers {
                    request = request.body("application/sdp", body);
                }
                request = self.extended(request);
                if method == "INVITE" {
                    self.invites.push(request.sip());
                }
                self.say(turn, alice, &request);
            }
            6 => {
                turn.open(ALICE.parse().unwrap());
            }
            7 => {
                if let Some(conn) = self.conns.pop() {
                    let how = self.pick(&[CloseHow::Flush, CloseHow::Abort]);
                    turn.close(conn, how);
                }
            }
            8 => {
                let junk =
                    self.pick(&["\r\n\r\n", "\0\0", "SIP/2.0 200 OK\r\n\r\n", "ACK sip:x SIP/2.0\r\n\r\n", "INVITE"]);
                turn.send(alice, junk);
            }
            _ => {
                let options = Draft::request("OPTIONS", "sip:alice@10.0.0.1", turn.own, &name);
                self.say(turn, alice, &options);
            }
        }
    }
}

impl Script for Chaos {
    fn got(&mut self, letter: &Letter, turn: &mut Turn) {
        if letter.sip.code() == 0 { self.requested(letter, turn) } else { self.responded(letter, turn) }
    }

    fn opened(&mut self, conn: ConnId, _: SocketAddr, _: &mut Turn) {
        self.conns.push(conn);
    }

    fn closed(&mut self, conn: ConnId, _: &mut Turn) {
        self.conns.retain(|known| *known != conn);
    }

    fn data(&mut self, way: Way, data: &Bytes, turn: &mut Turn) {
        if data.as_ref() == b"\r\n\r\n" {
            turn.send(way, "\r\n");
        }
    }

    fn alarm(&mut self, _: u64, turn: &mut Turn) {
        if turn.now < self.until {
            self.begin(turn);
            let pause = self.pause() / 4;
            turn.wake(pause + Duration::from_millis(10), ALARM);
        }
    }
}

fn run(seed: u64) {
    let mut world = World::new(seed, Faults::none());
    world.set_rerun(format!("CHAOS_SEED={seed} cargo test -p sipsimple-testsuite --test scripted chaos"));
    if std::env::var_os("CHAOS_SHOW").is_some() {
        world.watch(vec![Box::new(property::Show)]);
    }
    world.watch(property::all());
    let mut user = Answering::after(Duration::from_secs(1));
    user.accept = (world.random().below(4) != 0).then_some(Duration::from_millis(300 * (seed % 9)));
    user.reject = (world.random().below(2) == 0).then_some((Duration::from_secs(2), 486));
    user.end = (world.random().below(2) == 0).then_some(Duration::from_secs(4));
    let mut config = Config::default();
    config.reliable_provisionals = world.random().below(3) == 0;
    config.session_timer.expires = [None, Some(90), Some(1800)][usize::try_from(world.random().below(3)).unwrap()];
    let alice = world.add(config, Box::new(user));
    let spec = AccountSpec::new("sip:alice@10.0.0.1");
    let outcome = world.with(alice, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    let Outcome::Account(account) = outcome else { panic!("{outcome:?}") };
    let address: SocketAddr = "10.9.0.1:5060".parse().unwrap();
    let until = world.now() + Duration::from_secs(90);
    let random = Random::new(&Seed::from_u64(seed ^ 0xc4a05));
    let chaos = Chaos { random, names: 0, sides: Vec::new(), invites: Vec::new(), conns: Vec::new(), until };
    let peer = world.add_script(address, chaos);
    world.run_for(Duration::from_millis(1));
    let faults = Faults::draw(world.random());
    world.set_faults(faults);
    world.turn(peer, |turn| turn.wake(Duration::ZERO, ALARM));

    let mut sessions: Vec<SessionId> = Vec::new();
    for _ in 0..CALLS {
        let transport = if world.random().below(3) == 0 { Transport::Tcp } else { Transport::Udp };
        let intent = Intent::Connect {
            account,
            to: "sip:chaos@10.9.0.1".into(),
            routes: vec![Route::new(transport, address)],
            streams: vec![StreamSpec::Audio(AudioSpec::default())],
            late_offer: world.random().below(3) == 0,
        };
        if let Ok(Outcome::Session(session)) = world.with(alice, |agent, now| agent.intend(now, intent)) {
            sessions.push(session);
        }
        let pause = world.random().duration(Duration::from_millis(10), Duration::from_secs(15));
        world.run_for(pause);
        if world.random().below(2) == 0
            && let Some(session) = sessions.pop()
        {
            // It may be over by now.
            let _ = world.with(alice, |agent, now| agent.intend(now, Intent::End { session }));
        }
        if world.random().below(6) == 0 {
            world.reset_connections(world.address(alice).ip(), address.ip());
        }
    }
    world.run_until(until);
    world.heal();
    for _ in 0..20 {
        let live: Vec<SessionId> = (0..500).map(SessionId::from_u64).collect();
        for session in live {
            world.with(alice, |agent, now| {
                if let Some(mut session) = agent.session(now, session) {
                    // One that ends already refuses it.
                    let _ = session.end();
                }
            });
        }
        world.run_for(Duration::from_secs(5));
    }
    let quiet = world.run_until_quiescent(Duration::from_secs(900));
    assert!(quiet, "seed {seed}: not quiescent: {:#?}", world.host(alice).agent);
    assert_eq!(world.host(alice).agent.stats().driver_faults, 0, "seed {seed}");
    world.finish();
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// Fixed seeds, and one that is drawn anew and printed. `CHAOS_SEED` runs from another seed on, `CHAOS_RUNS` as many as one likes.
#[test]
fn whatever_a_peer_does_the_properties_hold_and_nothing_is_left() {
    let (first, runs) = (number("CHAOS_SEED"), number("CHAOS_RUNS"));
    let (begin, usual) = first.map_or((0, 12), |first| (first, 1));
    for seed in begin..begin + runs.unwrap_or(usual) {
        run(seed);
    }
    if first.is_none() {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let drawn = now.map_or(0, |now| u64::from(now.subsec_nanos()));
        println!("seed {drawn}");
        run(drawn);
    }
}
