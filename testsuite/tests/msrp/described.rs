//! What is told of files before they come: icons, dates, what to do with them (RFC 5547, RFC 2387); on the wire, with peers that understand less or
//! mean harm.

use std::any::Any;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use sipsimple_core::agent::{AccountSpec, Config, Intent, Outcome};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::msrp::{FileDates, FileDetails, FileDisposition, FileIcon};
use sipsimple_core::settings::kind::ConnectionModel::Relay;
use sipsimple_core::stream::{FileTransferSpec, FileTransferStream, MediaStream, StreamSpec};
use sipsimple_core::time::Utc;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::draft::{Draft, Side};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::property;
use sipsimple_testsuite::script::Way;
use sipsimple_testsuite::world::World;

use crate::file::{bytes, selector};
use crate::scene::{ALICE, BOB, Scene, over_tcp};

fn icon() -> FileIcon {
    FileIcon { content_type: "image/png".into(), content: Bytes::from_static(b"\x89PNG\r\n--b-0000000000000001\r\n\0") }
}

fn spec(sends: bool) -> FileTransferSpec {
    FileTransferSpec {
        selector: selector(&bytes(1000)),
        sends,
        file: Some("picture".into()),
        details: Box::new(FileDetails {
            disposition: FileDisposition::Attachment,
            dates: FileDates { modification: Some(Utc { unix_millis: 1_147_694_491_000 }), ..FileDates::default() },
            icon: Some(icon()),
        }),
        ..FileTransferSpec::default()
    }
}

/// What a host knows of the file of one of its streams.
fn known(world: &mut World, host: usize, session: u64, stream: u64) -> FileDetails {
    world.with(host, |agent, now| {
        let session = agent.session(now, SessionId::from_u64(session)).expect("a session");
        let held: &dyn MediaStream = session.stream(StreamId::from_u64(stream)).expect("a stream");
        let file: &FileTransferStream = (held as &dyn Any).downcast_ref().expect("a file transfer");
        file.details().clone()
    })
}

#[test]
fn the_icon_of_a_file_comes_along_with_its_offer() {
    let mut scene = Scene::alike(31, Relay);
    scene.world.host_mut(ALICE).files.insert("picture".into(), bytes(1000));
    scene.call(vec![StreamSpec::FileTransfer(spec(true))]);
    scene.run(200);
    let wanted = spec(true);
    assert_eq!(known(&mut scene.world, BOB, 0, 0), *wanted.details);
    scene.run(10_000);
    assert!(scene.names(BOB).contains(&"FileTransferStreamDidFinish"));
    scene.end();
}

#[test]
fn who_asks_for_a_file_says_nothing_of_what_it_looks_like() {
    let mut scene = Scene::alike(32, Relay);
    scene.call(vec![StreamSpec::FileTransfer(spec(false))]);
    scene.run(200);
    assert_eq!(known(&mut scene.world, BOB, 0, 0), FileDetails::default());
    scene.run(5000);
    scene.end();
}

/// Alice, and a peer whose messages the test writes.
struct Desk {
    world: World,
    peer: usize,
    names: u32,
}

fn peer() -> SocketAddr {
    "10.9.0.1:5060".parse().unwrap()
}

impl Desk {
    fn new() -> Self {
        let mut world = World::new(1, Faults::none());
        world.watch(property::all());
        world.add(Config::default(), Box::new(Idle));
        let uri = format!("sip:alice@{}", world.address(ALICE).ip());
        let spec = AccountSpec { msrp: over_tcp(Relay), ..AccountSpec::new(uri.as_str()) };
        world.with(ALICE, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
        let peer = world.add_post(peer(), true);
        world.run_for(Duration::from_millis(1));
        Self { world, peer, names: 0 }
    }

    fn call(&mut self, spec: FileTransferSpec) -> SessionId {
        let (routes, streams) = (vec![Route::new(Transport::Tcp, peer())], vec![StreamSpec::FileTransfer(spec)]);
        let intent = Intent::Connect {
            account: AccountId::from_u64(0),
            to: "sip:bob@10.9.0.1".into(),
            routes,
            streams,
            late_offer: false,
        };
        match self.world.with(ALICE, |agent, now| agent.intend(now, intent)) {
            Ok(Outcome::Session(session)) => session,
            other => panic!("{other:?}"),
        }
    }

    #[track_caller]
    fn next(&mut self, name: &str) -> Letter {
        loop {
            if let Some(letter) = self.world.take_letter(self.peer) {
                assert_eq!(letter.sip.to_string(), name);
                return letter;
            }
            assert!(self.world.step(), "{name} did not come");
        }
    }

    fn reply(&mut self, letter: &Letter, draft: &Draft) {
        self.world.turn(self.peer, |turn| turn.reply(letter, draft));
    }

    /// The peer invites alice with this body.
    fn invite(&mut self, content_type: &str, body: impl Into<Bytes>) -> Draft {
        self.names += 1;
        let (name, to) = (self.names.to_string(), self.world.address(ALICE));
        let invite = Draft::request("INVITE", "sip:alice@10.0.0.1", peer(), &name).body(content_type, body);
        self.world.turn(self.peer, |turn| turn.send(Way::Datagram(to), invite.bytes()));
        invite
    }
}

#[test]
fn a_peer_that_understands_no_icons_gets_the_offer_without() {
    let mut desk = Desk::new();
    desk.call(spec(true));
    let first = desk.next("INVITE");
    assert!(first.sip.header("content-type").unwrap().starts_with("multipart/related;type=\"application/sdp\";"));
    let body = String::from_utf8_lossy(first.sip.body()).into_owned();
    let id = body.split("a=file-icon:cid:").nth(1).and_then(|rest| rest.split("\r\n").next()).unwrap();
    assert!(body.contains(&format!("Content-ID: <{id}>")) && body.contains("Content-Disposition: icon"), "{body}");
    desk.reply(&first, &Draft::response(&first.sip, 415, "b").with("Accept", "application/sdp"));
    desk.next("ACK");
    let second = desk.next("INVITE");
    assert_eq!(second.sip.header("content-type"), Some("application/sdp"));
    assert_eq!(second.sip.cseq().0, first.sip.cseq().0 + 1);
    assert!(body.contains(second.sip.description().unwrap()), "it is the same offer");
    // It asks once, and no more.
    desk.reply(&second, &Draft::response(&second.sip, 415, "c"));
    desk.next("ACK");
    desk.world.run_for(Duration::from_secs(40));
    assert_eq!(desk.world.take_letters(desk.peer), [""; 0]);
    assert!(desk.world.host(ALICE).names().contains(&"SIPSessionDidFail"));
}

fn line(port: u16, name: &str, more: &str) -> String {
    format!(
        "m=message {port} TCP/MSRP *\r\na=sendonly\r\na=accept-types:*\r\na=path:msrp://10.9.0.1:{port}/{port};tcp\r\n\
         a=file-selector:name:\"{name}\" size:10\r\na=file-transfer-id:{name}\r\n{more}"
    )
}

fn offer(lines: &str) -> String {
    format!("v=0\r\no=- 1 1 IN IP4 10.9.0.1\r\ns=-\r\nc=IN IP4 10.9.0.1\r\nt=0 0\r\n{lines}")
}

/// A body of an offer of one file and of parts with these header fields and contents.
fn related(icon: &str, parts: &[(&str, &[u8])]) -> Vec<u8> {
    let offer = offer(&line(2855, "one", &format!("a=file-icon:{icon}\r\n")));
    let mut body = format!("--b\r\nContent-Type: application/sdp\r\n\r\n{offer}\r\n").into_bytes();
    for (fields, content) in parts {
        body.extend_from_slice(format!("--b\r\n{fields}\r\n\r\n").as_bytes());
        body.extend_from_slice(content);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--b--\r\n");
    body
}

/// The URL of an icon, the parts beside the description, and the icon that is found.
type Case<'a> = (&'a str, Vec<(&'a str, &'a [u8])>, Option<&'a [u8]>);

#[test]
fn icons_of_hostile_offers_do_no_harm() {
    let image = "Content-Type: image/png;x=y\r\nContent-ID: <i@x>\r\nContent-Disposition: icon";
    let limit = Config::default().limits.icon_bytes;
    let (most, more) = (vec![b'x'; limit], vec![b'x'; limit + 1]);
    let encoded = format!("{image}\r\nContent-Transfer-Encoding: base64");
    let other = image.replace("image/png", "text/html");
    let untyped = "Content-ID: <i@x>\r\nContent-Disposition: icon";
    let cases: [Case<'_>; 13] = [
        ("cid:i@x", vec![(image, b"icon")], Some(b"icon")),
        ("CID:i%40x", vec![(image, b"icon")], Some(b"icon")),
        ("cid:i@x", vec![(image, &most)], Some(&most)),
        ("cid:i@x", vec![(image, &more)], None),
        ("cid:i@x", vec![(image, b"")], None),
        // Of two with one name the first counts; another name is another part.
        ("cid:i@x", vec![(image, b"first"), (image, b"second")], Some(b"first")),
        ("cid:j@x", vec![(image, b"icon")], None),
        ("cid:", vec![(image, b"icon")], None),
        ("cid:%zz", vec![(image, b"icon")], None),
        ("http://x/i@x", vec![(image, b"icon")], None),
        ("cid:i@x", vec![(&encoded, b"aWNvbg==")], None),
        ("cid:i@x", vec![(&other, b"<script>")], None),
        ("cid:i@x", vec![(untyped, b"icon")], None),
    ];
    for (number, (url, parts, found)) in cases.into_iter().enumerate() {
        let mut desk = Desk::new();
        let invite = desk.invite("multipart/related;boundary=b;type=\"application/sdp\"", related(url, &parts));
        desk.world.run_for(Duration::from_millis(50));
        let icon = known(&mut desk.world, ALICE, 0, 0).icon;
        assert_eq!(icon.as_ref().map(|icon| &*icon.content), found, "{number}");
        assert!(icon.is_none_or(|icon| icon.content_type == "image/png"), "{number}");
        desk.world.turn(desk.peer, |turn| {
            turn.send(Way::Datagram("10.0.0.1:5060".parse().unwrap()), Draft::cancel(&invite.sip()).bytes());
        });
        desk.world.run_for(Duration::from_secs(40));
    }
}

#[test]
fn a_part_that_must_be_understood_refuses_the_offer() {
    for (kind, part, refused) in [
        ("related", "Content-Type: text/html\r\nContent-ID: <i@x>", false),
        ("mixed", "Content-Type: image/png\r\nContent-ID: <i@x>\r\nContent-Disposition: icon", false),
        ("mixed", "Content-Type: text/html\r\nContent-ID: <i@x>", true),
        ("mixed", "Content-Type: text/html\r\nContent-Disposition: render;handling=optional", false),
    ] {
        let mut desk = Desk::new();
        let invite = desk.invite(&format!("multipart/{kind};boundary=b"), related("cid:i@x", &[(part, b"icon")]));
        desk.world.run_for(Duration::from_millis(50));
        let told = desk.world.host(ALICE).names().contains(&"SIPSessionNewIncoming");
        assert_eq!(told, !refused, "{kind} {part}");
        let end = if refused {
            let refusal = desk.next("415 INVITE");
            Draft::ack(&invite.sip(), &refusal.sip)
        } else {
            Draft::cancel(&invite.sip())
        };
        desk.world.turn(desk.peer, |turn| turn.send(Way::Datagram("10.0.0.1:5060".parse().unwrap()), end.bytes()));
        desk.world.run_for(Duration::from_secs(40));
    }
}

/// RFC 5547 section 8.3: a file that is refused is named in the answer, and so is one that is given up later.
#[test]
fn files_that_are_refused_are_named() {
    let mut desk = Desk::new();
    let lines = [line(2855, "one", ""), line(2856, "two", "")].concat();
    let invite = desk.invite("application/sdp", offer(&lines));
    desk.world.run_for(Duration::from_millis(50));
    let (session, streams) = (SessionId::from_u64(0), [StreamId::from_u64(1)]);
    desk.world.with(ALICE, |agent, now| agent.session(now, session).unwrap().accept(&streams)).unwrap();
    let letter = desk.next("200 INVITE");
    let answer = letter.sip.description().unwrap().to_owned();
    let (_, lines) = answer.split_once("m=message 0 TCP/MSRP *\r\n").expect("the first file is refused");
    let (first, second) = lines.split_once("m=").expect("and the second is not");
    assert_eq!(first, "a=file-selector:name:\"one\" size:10\r\na=file-transfer-id:one\r\n");
    assert!(second.contains("a=file-transfer-id:two") && second.contains("a=recvonly"), "{second}");
    desk.world.turn(desk.peer, |turn| {
        let to = Way::Datagram("10.0.0.1:5060".parse().unwrap());
        turn.send(to, Draft::ack(&invite.sip(), &letter.sip).bytes());
        let mut side = Side::caller(&invite.sip(), &letter.sip, peer());
        turn.send(to, side.request("BYE", "bye").bytes());
    });
    desk.world.run_for(Duration::from_secs(40));
}
