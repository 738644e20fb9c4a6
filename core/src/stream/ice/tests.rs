//! What a line says of ICE before pairs are chosen, after that, and when the peer begins anew.

use std::time::Duration;

use super::*;
use crate::ice::{Candidate, Local, Outcome};
use crate::limits::Limits;
use crate::random::Seed;
use crate::sdp::Session;

const HOST: &str = "192.0.2.1:4000";
const RELAYED: &str = "203.0.113.9:7000";
const PEER: &str = "192.0.2.2:5000";

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn host(address: &str) -> Candidate {
    Local::host(RTP, at(address), 1).candidate
}

/// One that has gathered a host candidate and a relayed one.
fn gathered(controlling: bool) -> Connectivity {
    let mut ice = Connectivity { controlling, ..Connectivity::default() };
    let relayed = Local::relayed(RTP, at(RELAYED), at("203.0.113.1:1"), at(RELAYED).ip(), 1).candidate;
    let told = Told::new(Credentials::new(&mut Random::new(&Seed::from_u64(1))), vec![host(HOST), relayed]);
    ice.media(Event::Gathered { description: Box::new(told) }, &mut Outbox::new());
    ice
}

/// Its line: the address, the name, the candidates, the chosen ones of the peer.
fn line(ice: &mut Connectivity, offers: bool) -> (String, String, Vec<String>, Option<String>) {
    let mut description = Description::audio(4000, Vec::new());
    ice.describe(&mut description, at(HOST).ip(), offers);
    let values = |name: &str| {
        let of_name = description.attributes.iter().filter(|attribute| attribute.name == name);
        of_name.filter_map(|attribute| attribute.value.as_ref().map(ToString::to_string)).collect::<Vec<_>>()
    };
    let address = SocketAddr::new(description.address.unwrap_or_else(|| at(HOST).ip()), description.port).to_string();
    let candidates =
        values("candidate").into_iter().map(|value| value.split(' ').skip(4).take(2).collect::<Vec<_>>().join(":"));
    (address, values("ice-ufrag").join(" "), candidates.collect(), values("remote-candidates").pop())
}

/// The pair from this address of ours to this one of the peer's was chosen.
fn chosen(ice: &mut Connectivity, ours: &str, theirs: &str) {
    let selected = vec![Selected { base: at(ours), local: host(ours), remote: host(theirs) }];
    let (local_candidates, remote_candidates, checks) = (Vec::new(), Vec::new(), Vec::new());
    let outcome = Outcome { selected, duration: Duration::ZERO, local_candidates, remote_candidates, checks };
    ice.media(Event::Succeeded(Box::new(outcome)), &mut Outbox::new());
}

/// The peer agrees under this name, with its line leading to `PEER`.
fn agreed(ice: &mut Connectivity, ufrag: &str) {
    let ours = ice.told.as_ref().unwrap().credentials();
    agreed_as(ice, ours, ufrag);
}

/// The same, where our line told this name.
fn agreed_as(ice: &mut Connectivity, ours: Credentials, ufrag: &str) {
    let theirs = Credentials { ufrag: ufrag.into(), password: "apasswordofthepeers123".into() };
    ice.agreed(Some(&Exchange { ours, theirs: Told::new(theirs, vec![host(PEER)]) }), Some(at(PEER)));
}

/// The peer offers under this name.
fn offered(ice: &mut Connectivity, ufrag: &str) {
    let sdp = format!(
        "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 5000 RTP/AVP 0\r\n\
         a=ice-ufrag:{ufrag}\r\na=ice-pwd:apasswordofthepeers123\r\n"
    );
    let session = Session::parse(sdp.as_bytes(), &Limits::default()).unwrap();
    ice.answer(&session.media_at(0).unwrap(), &mut Random::new(&Seed::from_u64(2)));
}

#[test]
fn who_controls_offers_the_chosen_pair_once_where_the_line_says_another() {
    for controlling in [true, false] {
        let mut ice = gathered(controlling);
        let (address, name, candidates, _) = line(&mut ice, true);
        assert_eq!((address.as_str(), candidates.len()), (RELAYED, 2), "the address most likely to work");
        agreed(&mut ice, "peer");
        chosen(&mut ice, HOST, PEER);
        assert_eq!(ice.wants_offer(), controlling);
        let (address, same_name, candidates, remote) = line(&mut ice, true);
        assert_eq!((address.as_str(), same_name), (HOST, name));
        assert_eq!(candidates, [HOST]);
        assert_eq!(remote, controlling.then(|| format!("1 {}", PEER.replace(':', " "))));
        assert!(!ice.wants_offer(), "it is said");
        assert_eq!(line(&mut ice, false).3, None, "not in an answer");
    }
}

#[test]
fn nothing_is_offered_where_the_lines_name_the_chosen_pair() {
    let mut ice = gathered(true);
    agreed(&mut ice, "peer");
    chosen(&mut ice, RELAYED, PEER);
    assert!(!ice.wants_offer());
    chosen(&mut ice, RELAYED, "192.0.2.2:9");
    assert!(ice.wants_offer(), "the peer's line names another of its addresses");
}

#[test]
fn an_offer_that_begins_anew_is_answered_so() {
    let mut ice = gathered(false);
    let (_, name, ..) = line(&mut ice, false);
    agreed(&mut ice, "peer");
    chosen(&mut ice, HOST, PEER);
    offered(&mut ice, "peer");
    assert_eq!(line(&mut ice, false).1, name, "the same once more begins nothing");
    offered(&mut ice, "other");
    let (address, other, candidates, _) = line(&mut ice, false);
    assert_ne!(other, name);
    assert_eq!((address.as_str(), candidates), (HOST, vec![HOST.to_owned()]), "the relayed address was given back");
    assert!(ice.is_active(), "media flows as before, meanwhile");
    // What was not agreed on changes nothing.
    offered(&mut ice, "peer");
    assert_eq!(line(&mut ice, false).1, name);
    offered(&mut ice, "other");
    let reply = ice.reply.clone().unwrap();
    assert_eq!(line(&mut ice, false).1, reply.ufrag.as_str());
    assert_eq!(line(&mut ice, true).1, name, "an offer of ours does not begin anew");
    agreed_as(&mut ice, reply.clone(), "other");
    offered(&mut ice, "other");
    assert_eq!(line(&mut ice, false).1, reply.ufrag.as_str());
    ice.media(Event::Failed(crate::ice::Failure::TimedOut), &mut Outbox::new());
    assert!(!ice.is_active());
}

#[test]
fn our_offer_begins_anew_where_the_application_wants_it() {
    let mut random = Random::new(&Seed::from_u64(3));
    let mut ice = gathered(true);
    let (_, name, ..) = line(&mut ice, true);
    assert!(!ice.restart(&mut random), "nothing is agreed on");
    agreed(&mut ice, "peer");
    chosen(&mut ice, HOST, PEER);
    line(&mut ice, true);
    assert!(ice.restart(&mut random) && ice.wants_offer());
    // The peer's offer comes first, and begins nothing.
    offered(&mut ice, "peer");
    assert_eq!(line(&mut ice, false).1, name);
    assert!(ice.wants_offer());
    agreed(&mut ice, "peer");
    let (_, fresh, candidates, remote) = line(&mut ice, true);
    assert!(fresh != name && !ice.wants_offer());
    assert_eq!((candidates, remote), (vec![HOST.to_owned()], None), "all that we still have");
    assert_eq!(line(&mut ice, true).1, fresh, "the same again, after a glare");
    let ours = ice.restart.clone().unwrap();
    agreed_as(&mut ice, ours, "peer2");
    assert!(ice.restart.is_none());
    assert_eq!(line(&mut ice, false).1, fresh);
    // The peer begins anew, while we want to: that is enough.
    assert!(ice.restart(&mut random));
    offered(&mut ice, "peer3");
    assert!(!ice.wants_offer() && ice.restart.is_none());
}
