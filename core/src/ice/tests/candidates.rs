//! Candidates, their lines, and the list of pairs.

use super::*;
use crate::ice::checklist::{CheckList, MAX_PAIRS};
use crate::ice::pair::pair_priority;
use crate::limits::Limits;
use crate::sdp::Session;

#[test]
fn priorities_are_those_of_the_formula() {
    assert_eq!(Kind::Host.priority(65535, 1), 2_130_706_431);
    assert_eq!(Kind::ServerReflexive.priority(65535, 1), 1_694_498_815);
    assert_eq!(Kind::PeerReflexive.priority(65535, 2), (110 << 24) + (65535 << 8) + 254);
    assert_eq!(Kind::Relayed.priority(65535, 1), 16_777_215);
    for (a, b) in [(5, 3), (3, 5), (4, 4)] {
        assert_eq!(pair_priority(Role::Controlling, a, b), pair_priority(Role::Controlled, b, a));
    }
    assert_eq!(pair_priority(Role::Controlling, 5, 3), (3 << 32) + 10 + 1);
}

#[test]
fn lines_read_as_they_are_written() {
    for line in [
        "1 1 UDP 2130706431 203.0.113.141 8998 typ host",
        "2 2 UDP 1694498815 192.0.2.3 45664 typ srflx raddr 203.0.113.141 rport 8998",
        "H+/0 1 UDP 1 2001:db8::1 1 typ relay raddr 2001:db8::2 rport 2",
    ] {
        assert_eq!(Candidate::read(line).unwrap().to_string(), line);
    }
    let odd = "a-b 1 udp 5 192.0.2.1 9 typ HOST generation 0 raddr x rport 5 ufrag";
    assert_eq!(Candidate::read(odd).unwrap().to_string(), "a-b 1 UDP 5 192.0.2.1 9 typ host");
    let long = "f".repeat(33);
    for wrong in [
        "",
        "1 1 UDP",
        "1 1 TCP 5 192.0.2.1 9 typ host tcptype active",
        "1 0 UDP 5 192.0.2.1 9 typ host",
        "1 256 UDP 5 192.0.2.1 9 typ host",
        "1 1 UDP 0 192.0.2.1 9 typ host",
        "1 1 UDP 2147483648 192.0.2.1 9 typ host",
        "1 1 UDP 5 host.local 9 typ host",
        "1 1 UDP 5 192.0.2.1 65536 typ host",
        "1 1 UDP 5 192.0.2.1 9 typ strange",
        "1 1 UDP 5 192.0.2.1 9 host",
        &format!("{long} 1 UDP 5 192.0.2.1 9 typ host"),
    ] {
        assert_eq!(Candidate::read(wrong), None, "{wrong}");
    }
}

fn section(lines: &str, default: &str) -> Support {
    let sdp = format!("v=0\r\no=- 1 1 IN IP4 h\r\ns=-\r\nt=0 0\r\n{lines}");
    let session = Session::parse(sdp.as_bytes(), &Limits::default()).unwrap();
    let media = session.media().next().unwrap();
    Description::read(&media, Some(at(default)))
}

const SECTION: &str = "m=audio 8998 RTP/AVP 0\r\nc=IN IP4 203.0.113.141\r\na=ice-ufrag:8hhY\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n\
                       a=candidate:1 1 UDP 2130706431 203.0.113.141 8998 typ host\r\na=end-of-candidates\r\n";

#[test]
fn a_section_tells_what_the_peer_can() {
    let default = "203.0.113.141:8998";
    let Support::Full(read) = section(SECTION, default) else { panic!() };
    assert_eq!((read.ufrag.as_str(), read.password.expose()), ("8hhY", "asd88fgpdd777uzjYhagZg"));
    assert!(read.candidates.len() == 1 && !read.lite);
    let lite = format!("a=ice-lite\r\n{SECTION}");
    assert!(matches!(section(&lite, default), Support::Full(read) if read.lite));
    let inherited = format!("a=ice-ufrag:sess\r\n{}", SECTION.replace("a=ice-ufrag:8hhY\r\n", ""));
    assert!(matches!(section(&inherited, default), Support::Full(read) if read.ufrag.as_str() == "sess"));
    assert_eq!(section(SECTION, "203.0.113.141:9000"), Support::Mismatch);
    for (from, to) in [
        ("a=ice-ufrag:8hhY", "a=ice-ufrag:8hh"),
        ("a=ice-pwd:asd88fgpdd777uzjYhagZg", "a=ice-pwd:short"),
        ("a=candidate:1 1 UDP", "a=candidate:1 1 TCP"),
        ("a=end-of-candidates", "a=ice-mismatch"),
    ] {
        assert_eq!(section(&SECTION.replace(from, to), default), Support::None, "{to}");
    }
    let ufrag = format!("a=ice-ufrag:{}", "u".repeat(257));
    assert_eq!(section(&SECTION.replace("a=ice-ufrag:8hhY", &ufrag), default), Support::None);
}

#[test]
fn our_description_reads_back() {
    let mut alice = agent(Role::Controlling, 1, "192.0.2.1");
    let mapped = at("198.51.100.1:7000");
    alice.add_local(Local::reflexive(RTP, at("192.0.2.1:4000"), mapped, at("203.0.113.1:0").ip(), 65535));
    alice.add_local(Local::relayed(RTP, at("203.0.113.9:7"), mapped, at("203.0.113.1:0").ip(), 65535));
    let told = alice.description();
    assert_eq!(told.default_address(RTP), Some(at("203.0.113.9:7")));
    let lines: String = told
        .attributes()
        .iter()
        .map(|attribute| format!("a={}:{}\r\n", attribute.name, attribute.value.as_ref().unwrap()))
        .collect();
    let read = section(&format!("m=audio 7 RTP/AVP 0\r\nc=IN IP4 203.0.113.9\r\n{lines}"), "203.0.113.9:7");
    assert_eq!(read, Support::Full(told.clone()));
    assert!(!format!("{told:?}").contains(told.password.expose()));
    let chosen = Description::remote_candidates([(RTP, at("192.0.2.2:5")), (RTCP, at("192.0.2.2:6"))]);
    assert_eq!(format!("{chosen:?}"), "a=remote-candidates:1 192.0.2.2 5 2 192.0.2.2 6");
}

#[test]
fn the_list_is_pruned_ordered_bounded_and_thawed_by_foundation() {
    let mut locals = Vec::new();
    for component in [RTP, RTCP] {
        let base = SocketAddr::new("10.0.0.1".parse().unwrap(), 4000 + u16::from(component));
        let mapped = SocketAddr::new("198.51.100.1".parse().unwrap(), 4000 + u16::from(component));
        locals.push(Local::host(component, base, 65535));
        locals.push(Local::reflexive(component, base, mapped, "203.0.113.1".parse().unwrap(), 65535));
    }
    let remotes = |count: u16| -> Vec<Candidate> {
        let one = |number: u16| {
            let ip = format!("192.0.2.{}", number % 250).parse().unwrap();
            [RTP, RTCP].map(|component| Local::host(component, SocketAddr::new(ip, 5000 + number), number).candidate)
        };
        (0..count).flat_map(one).collect()
    };
    let theirs = remotes(2);
    let list = CheckList::form(Role::Controlling, &locals, &theirs);
    // The reflexive candidates are those of the host when they send: no pair of theirs is left.
    assert_eq!(list.pairs.len(), 4);
    assert!(list.pairs.is_sorted_by_key(|pair| std::cmp::Reverse(pair.priority)));
    let waiting: Vec<_> = list.pairs.iter().filter(|pair| pair.state == PairState::Waiting).collect();
    assert!(waiting.len() == 2 && waiting.iter().all(|pair| pair.component == RTP));
    let many = CheckList::form(Role::Controlling, &locals, &remotes(200));
    assert_eq!(many.pairs.len(), MAX_PAIRS);
    let best = many.pairs.iter().map(|pair| theirs_of(&remotes(200), pair.remote)).min().unwrap();
    assert!(best >= 150, "the worst are left out");
}

fn theirs_of(remotes: &[Candidate], index: usize) -> u16 {
    remotes[index].address.port() - 5000
}
