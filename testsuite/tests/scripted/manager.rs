//! The SessionManager: what becomes of an INVITE that comes, and of the sessions when the program stops.

use sipsimple_core::agent::{EventKind, Intent};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::transport::Transport;
use sipsimple_testsuite::draft::{Draft, audio};

use crate::scene::{Scene, peer, response};

const CHAT: &str = "m=message 2855 TCP/TLS/MSRP *\r\na=path:msrps://10.9.0.1:2855/a;tcp\r\na=accept-types:*\r\n";
const FILE: &str = "a=sendonly\r\na=file-selector:name:\"a\" size:5\r\n";
const VIDEO: &str = "m=video 5000 RTP/AVP 34\r\n";

/// An offer of these lines.
fn offer(lines: &str) -> String {
    let audio = audio(peer(), 4000);
    format!("{}{lines}", &audio[..audio.find("m=").unwrap()])
}

/// An audio line with this port and formats.
fn line(port: u16, formats: &str) -> String {
    format!("m=audio {port} RTP/AVP {formats}\r\n")
}

/// Of the session that came: the kinds of its streams, and what seed 000 says of them.
fn proposed(scene: &mut Scene) -> (Vec<&'static str>, bool, bool) {
    let session = scene.incoming();
    let kinds = scene.session(session, |session| {
        let kind = |id| session.stream(id).map(|stream| stream.kind());
        session.streams().into_iter().filter_map(kind).collect()
    });
    let told = scene.world.host(scene.alice).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::NewIncoming { has_audio, has_chat, .. }, .. } => {
            Some((*has_audio, *has_chat))
        }
        _ => None,
    });
    let (has_audio, has_chat) = told.expect("it was told");
    (kinds, has_audio, has_chat)
}

/// Each line that a stream knows is one; the others are passed over. A file goes before a chat. An INVITE without an offer is for audio.
#[test]
fn an_invite_becomes_a_session_with_what_is_known_of_its_lines() {
    let (sound, odd) = (line(4000, "0"), line(4000, "96"));
    let cases = [
        (Some(sound.clone()), vec!["audio"], true, false),
        (Some(CHAT.to_owned()), vec!["chat"], false, true),
        (Some(format!("{CHAT}{FILE}")), vec!["file-transfer"], false, false),
        (Some(format!("{VIDEO}{sound}{CHAT}")), vec!["audio", "chat"], true, true),
        (Some(format!("{odd}{sound}{}", line(0, "0"))), vec!["audio"], true, false),
        (Some(format!("{sound}{sound}")), vec!["audio", "audio"], true, false),
        (None, vec!["audio"], true, false),
    ];
    for (lines, kinds, has_audio, has_chat) in cases {
        let mut scene = Scene::new();
        let invite = scene.request("INVITE");
        let invite = match &lines {
            Some(lines) => invite.body("application/sdp", offer(lines)),
            None => invite,
        };
        scene.send(&invite);
        scene.wait(100);
        assert_eq!(proposed(&mut scene), (kinds, has_audio, has_chat), "{lines:?}");
        assert_eq!(scene.names(), ["SIPSessionNewIncoming"]);
    }
}

/// 404 to whom nobody's account is, and 488 without a line that is known: the application hears of neither.
#[test]
fn an_invite_that_nobody_can_take_is_refused_unheard() {
    let refused = [
        offer(VIDEO),
        offer(&line(0, "0")),
        offer(&line(4000, "96")),
        offer(""),
        offer("m=audio 4000 RTP/SAVP 0\r\n"),
        "v=0\r\nwhat is this\r\n".to_owned(),
    ];
    let mut scene = Scene::new();
    let mut refuse = |invite: &Draft, answer: &str| {
        scene.send(invite);
        let refusal = scene.next(answer);
        scene.send(&Draft::ack(&invite.sip(), &refusal.sip));
    };
    for (number, body) in refused.into_iter().enumerate() {
        let invite = Draft::request("INVITE", "sip:alice@10.0.0.1", peer(), &format!("refused{number}"));
        refuse(&invite.body("application/sdp", body), "488 INVITE");
    }
    for uri in ["sip:bob@10.0.0.1", "sip:10.0.0.1"] {
        let invite = Draft::request("INVITE", uri, peer(), &format!("to-{}", uri.len()));
        refuse(&invite.body("application/sdp", audio(peer(), 4000)), "404 INVITE");
    }
    // Of an account the user counts, wherever it was called (behaviour 5.7).
    let elsewhere = Draft::request("INVITE", "sip:alice@example.com", peer(), "elsewhere");
    scene.send(&elsewhere.body("application/sdp", audio(peer(), 4000)));
    scene.wait(50);
    assert_eq!(scene.names(), ["SIPSessionNewIncoming"]);
}

/// Nobody said no to whom nobody answered: 480. The others end as they would anyway.
#[test]
fn all_sessions_end_when_the_program_stops() {
    let mut scene = Scene::new();
    let (_, _) = scene.established_by_alice();
    scene.call(Transport::Udp);
    let invite = scene.next("INVITE");
    scene.reply(&invite, &response(&invite.sip, 180, "c"));
    let waiting = scene.invite();
    scene.send(&waiting);
    scene.wait(100);
    scene.world.with(scene.alice, |agent, now| agent.intend(now, Intent::ShutDown)).unwrap();
    let mut letters = Vec::new();
    while letters.len() < 3 {
        let Some(letter) = scene.world.take_letter(scene.peer) else {
            assert!(scene.world.step());
            continue;
        };
        letters.push(letter);
    }
    letters.sort_by_key(|letter| letter.sip.to_string());
    let names: Vec<_> = letters.iter().map(|letter| letter.sip.to_string()).collect();
    assert_eq!(names, ["480 INVITE", "BYE", "CANCEL"]);
    scene.send(&Draft::ack(&waiting.sip(), &letters[0].sip));
    scene.reply(&letters[1], &response(&letters[1].sip, 200, "b"));
    scene.reply(&letters[2], &response(&letters[2].sip, 200, "c"));
    scene.reply(&invite, &response(&invite.sip, 487, "c"));
    scene.wait(200);
    assert_eq!((scene.count("SIPSessionDidEnd"), scene.count("SIPSessionDidFail")), (1, 2));
    let codes = scene.world.host(scene.alice).events.iter().filter_map(|(_, event)| match &event.kind {
        EventKind::Session { event: SessionEvent::DidFail { code, .. }, .. } => Some(*code),
        _ => None,
    });
    let mut codes: Vec<u16> = codes.collect();
    codes.sort_unstable();
    assert_eq!(codes, [480, 487]);
}
