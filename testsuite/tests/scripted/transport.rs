//! TRN: datagrams and streams (RFC 3261 sections 7.5, 18.1.1, 18.3; RFC 5626 section 4.4.1; RFC 4475 section 3.1.1.7).

use bytes::Bytes;
use sipsimple_core::agent::{AccountSpec, Config, Intent};
use sipsimple_core::id::ConnId;
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::Idle;
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::script::Way;

use crate::scene::{Scene, accepted, peer, response};

/// A scene whose INVITEs are larger than a datagram may be.
fn large() -> Scene {
    let mut config = Config::default();
    config.datagram_bytes = 400;
    Scene::with(config, Box::new(Idle))
}

/// TRN-1: the Via names the transport that is taken.
#[test]
fn a_large_request_leaves_udp_for_tcp() {
    let mut scene = large();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    assert_eq!((invite.transport, invite.sip.via().unwrap().transport), (Transport::Tcp, "TCP"));
    scene.reply(&invite, &response(&invite.sip, 486, "b"));
    assert_eq!(scene.next("ACK").conn, invite.conn);
    scene.quiet();
}

/// TRN-1: where nobody listens for TCP it comes back, as the same request, and is repeated as on UDP.
#[test]
fn a_large_request_comes_back_to_udp_when_the_connection_is_refused() {
    let mut scene = large();
    let deaf = scene.world.add_post("10.9.0.2:5060".parse().unwrap(), false);
    let address = scene.world.post(deaf).address;
    scene.call_by(vec![Route::new(Transport::Udp, address)]);
    scene.wait(600);
    let first = scene.world.take_letter(deaf).expect("it came by UDP");
    let again = scene.world.take_letter(deaf).expect("it came again");
    assert_eq!((first.transport, first.sip.via().unwrap().transport), (Transport::Udp, "UDP"));
    assert_eq!(first.sip.data(), again.sip.data());
    scene.reply(&first, &Draft::response(&first.sip, 100, ""));
    let busy = response(&first.sip, 486, "b");
    scene.world.turn(deaf, |turn| turn.reply(&first, &busy));
    scene.wait(100);
    assert_eq!(scene.world.take_letters(deaf), ["ACK"]);
    assert_eq!(scene.failure().0, 486);
    scene.quiet();
}

/// TRN-2.
#[test]
fn a_datagram_is_as_long_as_its_content_length_says() {
    let mut scene = Scene::new();
    let longer = [scene.request("OPTIONS").bytes(), Bytes::from_static(b"and more")].concat();
    scene.send_bytes(longer);
    scene.next("200 OPTIONS");
    let shorter = scene.request("OPTIONS").set("Content-Length", "9");
    scene.send(&shorter);
    scene.next("400 OPTIONS");
    // A datagram without one ends where it ends.
    let without = scene.request("OPTIONS").without("Content-Length");
    scene.send(&without);
    scene.next("200 OPTIONS");
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.reply(&invite, &accepted(&invite.sip, "b").set("Content-Length", "9999"));
    assert_eq!(scene.within(400), [""; 0]);
    assert_eq!(scene.count("SIPSessionDidStart"), 0);
    scene.reply(&invite, &response(&invite.sip, 486, "b"));
    scene.next("ACK");
    scene.quiet();
}

/// TRN-4.
#[test]
fn a_second_message_in_a_datagram_is_not_read() {
    let mut scene = Scene::new();
    let (first, second) = (scene.request("OPTIONS"), scene.request("OPTIONS"));
    scene.send_bytes([first.bytes(), second.bytes()].concat());
    assert_eq!(scene.next("200 OPTIONS").sip.call_id(), first.sip().call_id());
    assert_eq!(scene.within(1000), [""; 0]);
    scene.quiet();
}

fn stream(scene: &mut Scene) -> ConnId {
    let to = scene.world.address(scene.alice);
    let conn = scene.world.turn(scene.peer, |turn| turn.open(to));
    scene.wait(50);
    conn
}

fn options(scene: &mut Scene) -> Draft {
    let name = scene.name();
    scene.request("OPTIONS").set("Via", format!("SIP/2.0/TCP {};branch=z9hG4bK-s{name}", peer()))
}

fn write(scene: &mut Scene, conn: ConnId, data: impl Into<Bytes>) {
    let data = data.into();
    scene.world.turn(scene.peer, |turn| turn.send(Way::Stream(conn), data));
}

/// TRN-2 on a stream: nobody guesses where a message ends.
#[test]
fn a_message_on_a_stream_without_a_length_is_refused_and_the_stream_closed() {
    for length in [None, Some("x"), Some("-1"), Some("1, 2")] {
        let mut scene = Scene::new();
        let conn = stream(&mut scene);
        let bad = options(&mut scene);
        let bad = match length {
            Some(length) => bad.set("Content-Length", length),
            None => bad.without("Content-Length"),
        };
        let good = options(&mut scene);
        write(&mut scene, conn, [bad.bytes(), good.bytes()].concat());
        scene.next("400 OPTIONS");
        assert_eq!(scene.within(1000), [""; 0], "{length:?}");
        assert_eq!(scene.world.post(scene.peer).closed, 1, "{length:?}");
        scene.quiet();
    }
}

/// TRN-3.
#[test]
fn line_breaks_before_a_message_are_nothing_and_on_a_stream_two_are_a_ping() {
    let mut scene = Scene::new();
    let request = scene.request("OPTIONS");
    scene.send_bytes([Bytes::from_static(b"\r\n\r\n\r\n"), request.bytes()].concat());
    scene.next("200 OPTIONS");
    scene.send_bytes("\r\n\r\n");
    scene.wait(100);
    assert_eq!(scene.world.post(scene.peer).other, b"", "a datagram is not answered");

    let conn = stream(&mut scene);
    write(&mut scene, conn, "\r\n");
    scene.wait(100);
    assert_eq!(scene.world.post(scene.peer).other, b"", "one line break is a pong");
    write(&mut scene, conn, "\r\n");
    scene.wait(100);
    assert_eq!(scene.world.post(scene.peer).other, b"\r\n", "two are a ping, however they come");
    let one = options(&mut scene);
    let other = options(&mut scene);
    write(&mut scene, conn, [b"\r\n", &one.bytes()[..], b"\r\n\r\n", &other.bytes()[..]].concat());
    scene.next("200 OPTIONS");
    scene.next("200 OPTIONS");
    assert_eq!(scene.world.post(scene.peer).other, b"\r\n\r\n", "one more ping");
    scene.quiet();
}

/// A stream may be cut anywhere, also in the middle of a line break.
#[test]
fn messages_on_a_stream_may_come_byte_by_byte() {
    let mut scene = Scene::new();
    let conn = stream(&mut scene);
    let (one, other) = (options(&mut scene), options(&mut scene));
    for byte in [one.bytes(), other.bytes()].concat() {
        write(&mut scene, conn, vec![byte]);
    }
    scene.next("200 OPTIONS");
    scene.next("200 OPTIONS");
    scene.quiet();
}

/// What is no SIP is counted, and answered by nothing.
#[test]
fn what_is_no_message_is_dropped() {
    let mut scene = Scene::new();
    let spec = AccountSpec { any_user: true, ..AccountSpec::new("sip:any@10.0.0.1") };
    scene.world.with(scene.alice, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
    for junk in
        [&b"GET / HTTP/1.1\r\n\r\n"[..], b"\0\0\0\0", b"\xff\xfe", b"SIP/2.0 200 OK\r\n\r\n", b"ACK x SIP/2.0\r\n\r\n"]
    {
        scene.send_bytes(junk.to_vec());
    }
    assert_eq!(scene.within(1000), [""; 0]);
    scene.quiet();
}
