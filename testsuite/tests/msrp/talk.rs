//! Chats with a room, and with clients that know less than ours: what is wrapped, what is refused, who writes, and what is notified.

use std::time::Duration;

use sipsimple_core::agent::{IntentError, MsrpAccount, Outcome};
use sipsimple_core::payload::composing::State;
use sipsimple_core::payload::cpim::{Address, Subject};
use sipsimple_core::settings::kind::ConnectionModel::Relay;
use sipsimple_core::settings::kind::MessageNotifications;
use sipsimple_core::stream::{ChatCommand, ChatEvent, ChatMessage, Command, Notified, StreamError, StreamEvent};

use crate::room::Room;
use crate::scene::{ALICE, over_tcp};

const ROOM: [&str; 3] = ["accept-types:message/cpim", "accept-wrapped-types:*", "chatroom:nickname private-messages"];
const WRAPPED: [&str; 2] = ["accept-types:message/cpim", "accept-wrapped-types:*"];
const PLAIN: [&str; 1] = ["accept-types:text/plain"];

fn refuses(result: &Result<Outcome, IntentError>, why: &str) -> bool {
    matches!(result, Err(IntentError::Stream(StreamError::Refused(reason))) if reason.contains(why))
}

fn nickname(name: &str) -> Command {
    Command::Chat(ChatCommand::SetNickname(name.into()))
}

fn private() -> ChatMessage {
    ChatMessage { recipients: vec![Address::new("sip:carol@example.com")], ..ChatMessage::text("m001", "psst") }
}

fn wrapped(fields: &str, content: &str) -> String {
    format!("From: <sip:carol@example.com>\r\nTo: <sip:alice@10.0.0.1>\r\n{fields}\r\n{content}")
}

fn text(fields: &str) -> String {
    wrapped(fields, "Content-Type: text/plain\r\n\r\nhello")
}

/// RFC 7701 sections 7 and 10: what a room may say to a nickname.
#[test]
fn a_room_gives_nicknames_or_does_not() {
    let mut room = Room::entered(1, &ROOM);
    room.books.borrow_mut().nicknames = vec![200, 404, 423, 425, 403, 501, 200];
    for name in ["Al", "Alice \"A\" Smith", "b", "c", "d", "e", ""] {
        room.scene.command(ALICE, nickname(name)).unwrap();
        room.scene.run(500);
    }
    let told: Vec<(String, u16)> = (room.scene.chat(ALICE).into_iter())
        .filter_map(|event| match event {
            ChatEvent::DidSetNickname { nickname } => Some((nickname.to_string(), 200)),
            ChatEvent::DidNotSetNickname { nickname, code, reason } => {
                assert!(!reason.is_empty());
                Some((nickname.to_string(), code))
            }
            _ => None,
        })
        .collect();
    let names = ["Al", "Alice \"A\" Smith", "b", "c", "d", "e", ""].map(String::from);
    assert_eq!(told, names.into_iter().zip([200, 501, 403, 425, 423, 404, 200]).collect::<Vec<_>>());
    let asked: Vec<String> =
        room.books.borrow().got.iter().map(|frame| frame.field("Use-Nickname").unwrap().to_owned()).collect();
    assert_eq!(asked[..2], ["\"Al\"", "\"Alice \\\"A\\\" Smith\""]);
    assert_eq!(asked[6], "\"\"");
    room.scene.end();
}

#[test]
fn a_nickname_that_is_not_answered_for_is_not_ours() {
    let mut room = Room::entered(2, &ROOM);
    // An answer that means nothing, and so is none.
    room.books.borrow_mut().nicknames = vec![0];
    room.scene.command(ALICE, nickname("Al")).unwrap();
    room.scene.run(500);
    room.scene.end();
    let told: Vec<_> = room.scene.chat(ALICE);
    let [ChatEvent::DidNotSetNickname { nickname, code: 0, .. }] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(nickname, "Al");
}

/// RFC 7701 sections 6 and 8: only what the room says that it has.
#[test]
fn a_room_allows_what_its_attribute_says() {
    let mut room = Room::entered(3, &ROOM);
    room.scene.send(ALICE, private()).unwrap();
    room.scene.run(500);
    assert!(room.bodies()[0].contains("To: <sip:carol@example.com>\r\n"), "{}", room.bodies()[0]);
    room.scene.end();
    let mut room = Room::entered(4, &["accept-types:message/cpim", "accept-wrapped-types:*", "chatroom"]);
    assert!(refuses(&room.scene.send(ALICE, private()), "does not support private messages"));
    assert!(refuses(&room.scene.command(ALICE, nickname("Al")), "does not know nicknames"));
    room.scene.end();
}

/// Behaviour without `message/cpim`: text goes as it is, and what plain MSRP cannot say is refused.
#[test]
fn a_peer_without_cpim_gets_plain_messages() {
    let mut room = Room::entered(5, &PLAIN);
    room.scene.say(ALICE, "m001", "bare").unwrap();
    let subjects = vec![Subject { language: None, text: "Lunch".into() }];
    let with_subject = ChatMessage { subjects, ..ChatMessage::text("m002", "x") };
    for message in [private(), with_subject] {
        assert!(refuses(&room.scene.send(ALICE, message), "does not support message/cpim"));
    }
    let html = ChatMessage::new("m003", "text/html", "<p>".into());
    assert!(refuses(&room.scene.send(ALICE, html), "does not take this content type"));
    // Of what it does not know it is told nothing, and nobody is refused for it.
    let (state, refresh, last_active, recipients) = (State::Active, None, None, Vec::new());
    let composing = ChatCommand::SendComposingIndication { state, refresh, last_active, recipients };
    room.scene.command(ALICE, Command::Chat(composing)).unwrap();
    room.scene.run(500);
    assert_eq!(room.bodies(), ["bare"]);
    room.says("p001", "text/plain", "and back");
    let got = room.scene.chat(ALICE).into_iter().find_map(|event| match event {
        ChatEvent::GotMessage { message } => Some(message),
        _ => None,
    });
    let got = got.unwrap();
    assert_eq!((got.cpim, &*got.content, &*got.content_type), (false, b"and back".as_slice(), "text/plain"));
    assert!(got.sender.uri.contains("bob@10.9.0.5") && got.recipients[0].uri.starts_with("sip:alice@"));
    room.scene.end();
}

#[test]
fn only_types_that_are_taken_are_wrapped() {
    let mut room = Room::entered(6, &["accept-types:message/cpim", "accept-wrapped-types:text/plain"]);
    let html = ChatMessage::new("m001", "text/html", "<p>".into());
    assert!(refuses(&room.scene.send(ALICE, html), "does not take this content type"));
    room.scene.say(ALICE, "m002", "hi").unwrap();
    room.scene.run(500);
    let body = &room.bodies()[0];
    assert!(body.ends_with("Content-Type: text/plain; charset=utf-8\r\n\r\nhi"), "{body}");
    assert!(body.contains("\r\nDateTime: 2010-12-08T10:18:0"), "{body}");
    room.scene.end();
}

/// RFC 4975 section 10: whatever the peer answers is told once, and a session that it does not know is over.
#[test]
fn a_message_that_is_refused_is_told_with_its_code() {
    for code in [400, 403, 408, 413, 415, 423, 481, 501, 506, 599] {
        let mut room = Room::entered(7, &WRAPPED);
        room.books.borrow_mut().answers = Some(code);
        room.scene.say(ALICE, "m001", "hi").unwrap();
        room.scene.run(35_000);
        let told: Vec<u16> = (room.scene.chat(ALICE).into_iter())
            .filter_map(|event| match event {
                ChatEvent::DidNotDeliverMessage { code, .. } => Some(code),
                ChatEvent::DidDeliverMessage { .. } => Some(200),
                _ => None,
            })
            .collect();
        assert_eq!(told, [code]);
        let failed = room.scene.told(ALICE).iter().any(|event| matches!(event, StreamEvent::DidFail { .. }));
        assert_eq!(failed, matches!(code, 481 | 506), "{code}");
        room.scene.hang_up();
        assert!(room.scene.world.run_until_quiescent(Duration::from_secs(120)));
        room.scene.world.finish();
    }
}

/// MSR-12, and a body that is not what it says.
#[test]
fn what_a_peer_must_not_send_is_refused() {
    let mut room = Room::entered(8, &WRAPPED);
    // What says who and where it is.
    room.scene.say(ALICE, "m001", "hi").unwrap();
    room.scene.run(500);
    room.sends("NICKNAME", &[("Use-Nickname", "\"x\"")], None);
    room.sends("PRANK", &[], None);
    room.sends("SEND", &[("Message-ID", "p001"), ("Content-Type", "image/png")], Some("x"));
    assert_eq!(room.books.borrow_mut().codes.split_off(0), [501, 501, 415]);
    let composing = wrapped("", "Content-Type: application/im-iscomposing+xml\r\n\r\n<isComposing");
    for (id, body) in [("p002", "nothing of CPIM"), ("p003", composing.as_str())] {
        room.says(id, "message/cpim", body);
    }
    assert_eq!(
        room.reported(),
        [("p002", "000 400 Bad Request"), ("p003", "000 400 Bad Request")]
            .map(|(id, status)| (id.to_owned(), status.to_owned()))
    );
    room.says("p004", "message/cpim", &text(""));
    assert_eq!(room.scene.texts(ALICE), ["hello"]);
    room.scene.end();
}

/// RFC 3862: what is missing is filled in, and what is not known is kept.
#[test]
fn a_wrapped_message_is_unwrapped() {
    let mut room = Room::entered(9, &WRAPPED);
    room.scene.run(100);
    room.says("p001", "message/cpim", "X-Odd: 1\r\n\r\nContent-Type: text/plain\r\n\r\nnaked");
    let fields = "cc: sip:dave@example.com\r\nDateTime: 2001-02-03T04:05:06+01:00\r\nSubject:;lang=fr D\\u00e9jeuner\r\n\
                  NS: odd <urn:example:odd>\r\nodd.Taste: sweet\r\nRequire: odd.Taste\r\n";
    room.says("p002", "message/cpim", &text(fields));
    let got: Vec<_> = (room.scene.chat(ALICE).into_iter())
        .filter_map(|event| if let ChatEvent::GotMessage { message } = event { Some(message) } else { None })
        .collect();
    let [naked, dressed] = got.as_slice() else { panic!("{got:?}") };
    assert!(naked.sender.uri.contains("bob@10.9.0.5") && naked.timestamp.unix_millis > 1_291_803_480_000);
    assert_eq!(naked.additional_headers[0].name.name, "X-Odd");
    assert_eq!(dressed.sender.uri, "sip:carol@example.com");
    assert_eq!(dressed.courtesy_recipients, [Address::new("sip:dave@example.com")]);
    assert_eq!(dressed.timestamp.unix_millis, 981_169_506_000);
    assert_eq!(dressed.subjects, [Subject { language: Some("fr".into()), text: "Déjeuner".into() }]);
    assert_eq!((dressed.additional_headers[0].value.as_str(), dressed.required[0].name.as_str()), ("sweet", "Taste"));
    room.scene.end();
}

fn states(room: &Room) -> Vec<(String, State)> {
    let of = |event| match event {
        ChatEvent::GotComposingIndication { state, sender, .. } => Some((sender.uri, state)),
        _ => None,
    };
    room.scene.chat(ALICE).into_iter().filter_map(of).collect()
}

/// RFC 3994 section 3.3: so long as it says, or two minutes where it does not; or until the message comes.
#[test]
fn who_does_not_say_so_again_writes_no_longer() {
    let mut room = Room::entered(10, &WRAPPED);
    let says = |room: &mut Room, id: &str, refresh: &str| {
        let xml = format!(
            "<?xml version=\"1.0\"?><isComposing xmlns=\"urn:ietf:params:xml:ns:im-iscomposing\"><state>active</state>{refresh}</isComposing>"
        );
        room.says(
            id,
            "message/cpim",
            &wrapped("", &format!("Content-Type: application/im-iscomposing+xml\r\n\r\n{xml}")),
        );
    };
    let carol = |state| ("sip:carol@example.com".to_owned(), state);
    says(&mut room, "p001", "<refresh>90</refresh>");
    room.scene.run(80_000);
    says(&mut room, "p002", "<refresh>90</refresh>");
    room.scene.run(89_000);
    assert_eq!(states(&room), [carol(State::Active), carol(State::Active)]);
    room.scene.run(2000);
    assert_eq!(states(&room)[2..], [carol(State::Idle)]);
    says(&mut room, "p003", "");
    room.scene.run(119_000);
    assert_eq!(states(&room)[3..], [carol(State::Active)]);
    room.scene.run(2000);
    assert_eq!(states(&room)[4..], [carol(State::Idle)]);
    says(&mut room, "p004", "");
    room.says("p005", "message/cpim", &text(""));
    room.scene.run(130_000);
    assert_eq!(states(&room)[5..], [carol(State::Active)]);
    room.scene.end();
}

fn notified(room: &Room) -> Vec<(String, Notified)> {
    let of = |event| match event {
        ChatEvent::GotNotification { message_id, notified, .. } => Some((message_id.to_string(), notified)),
        _ => None,
    };
    room.scene.chat(ALICE).into_iter().filter_map(of).collect()
}

const ASKS: &str = "NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: their-1\r\nDateTime: 2006-04-04T12:16:49-05:00\r\n\
                    imdn.IMDN-Record-Route: <im:list@example.com>\r\nimdn.IMDN-Record-Route: <im:edge@example.com>\r\n\
                    imdn.Disposition-Notification: positive-delivery, display, processing\r\n";

/// RFC 5438 section 7.2.1: one for each disposition, on the way back that was recorded; processing is none of a recipient's.
#[test]
fn notifications_are_written_as_asked_for() {
    let mut room = Room::entered(11, &WRAPPED);
    room.says("p001", "message/cpim", &text(ASKS));
    let Some(ChatEvent::GotMessage { message }) = room.scene.chat(ALICE).into_iter().next() else { panic!("none") };
    for _ in 0..2 {
        room.scene.command(ALICE, Command::Chat(ChatCommand::Displayed { message: message.clone() })).unwrap();
        room.scene.run(200);
    }
    let bodies = room.bodies();
    assert_eq!(bodies.len(), 2, "{bodies:?}");
    for (body, status) in bodies.iter().zip(["<delivered", "<displayed"]) {
        assert!(body.contains(status) && body.contains("<message-id>their-1</message-id>"), "{body}");
        assert!(body.contains("\r\nContent-Disposition: notification\r\n"), "{body}");
        assert!(body.contains("To: <sip:carol@example.com>") && !body.contains("Disposition-Notification"), "{body}");
        let [list, edge] = ["list", "edge"].map(|at| body.find(&format!("IMDN-Route: <im:{at}@example.com>")).unwrap());
        assert!(list < edge && !body.contains("Record-Route") && body.contains(".Message-ID: "), "{body}");
    }
    // Nobody asked, and a notification asks for none.
    room.says("p002", "message/cpim", &text(""));
    let asks = ASKS.replace("positive-delivery", "negative-delivery");
    room.says("p003", "message/cpim", &text(&asks));
    assert_eq!(room.bodies().len(), 2);
    room.scene.end();
}

/// RFC 5438 section 14.2: whoever gets a message need not tell what became of it, and may say that; at once, so that nobody learns when it was shown.
#[test]
fn what_is_not_to_be_told_is_not() {
    let positive = ASKS.replace("processing", "negative-delivery");
    let negative = ASKS.replace("positive-delivery, display", "negative-delivery");
    let cases = [
        (MessageNotifications::Forbid, &positive, vec!["delivery", "display"]),
        (MessageNotifications::Forbid, &negative, vec!["delivery"]),
        (MessageNotifications::Ignore, &positive, vec![]),
    ];
    for (notifications, asks, told) in cases {
        let account = MsrpAccount { notifications, ..over_tcp(Relay) };
        let mut room = Room::entered_by(13, &WRAPPED, account);
        room.says("p001", "message/cpim", &text(asks));
        room.says("p002", "message/cpim", &text(""));
        let Some(ChatEvent::GotMessage { message }) = room.scene.chat(ALICE).into_iter().next() else { panic!("none") };
        for said in [ChatCommand::Displayed { message: message.clone() }, ChatCommand::NotDelivered { message }] {
            room.scene.command(ALICE, Command::Chat(said)).unwrap();
            room.scene.run(200);
        }
        let bodies = room.bodies();
        assert_eq!(bodies.len(), told.len(), "{bodies:?}");
        for (body, kind) in bodies.iter().zip(told) {
            let both = [format!("<{kind}-notification>"), "<forbidden".to_owned()];
            assert!(both.iter().all(|part| body.contains(part)) && body.contains("<message-id>their-1<"), "{body}");
        }
        room.scene.end();
    }
}

/// RFC 5438 section 7.2.1.1: that a message could not be delivered is told to who asks for that, once, and not to who knows that it was.
#[test]
fn a_message_that_is_not_delivered_is_told_so() {
    let negative = ASKS.replace("positive-delivery", "negative-delivery");
    for (asks, told) in [(negative.as_str(), 1), (ASKS, 0), ("", 0)] {
        let mut room = Room::entered(14, &WRAPPED);
        room.says("p001", "message/cpim", &text(asks));
        let Some(ChatEvent::GotMessage { message }) = room.scene.chat(ALICE).into_iter().next() else { panic!("none") };
        let before = room.bodies().len();
        for _ in 0..2 {
            room.scene.command(ALICE, Command::Chat(ChatCommand::NotDelivered { message: message.clone() })).unwrap();
            room.scene.run(200);
        }
        let bodies = room.bodies().split_off(before);
        assert_eq!(bodies.len(), told, "{bodies:?}");
        let says = |part: &str| bodies.iter().all(|body| body.contains(part));
        assert!(says("<delivery-notification>") && says("<failed") && says("<message-id>their-1<"), "{bodies:?}");
        room.scene.end();
    }
}

fn imdn(id: &str, status: &str) -> String {
    format!(
        "Content-Type: message/imdn+xml\r\nContent-Disposition: notification\r\n\r\n\
         <?xml version=\"1.0\"?><imdn xmlns=\"urn:ietf:params:xml:ns:imdn\"><message-id>{id}</message-id>\
         <datetime>2008-04-04T12:16:49-05:00</datetime>{status}</imdn>"
    )
}

/// RFC 5438 sections 7.2.1 and 8.3: every disposition, and several in one message.
#[test]
fn all_dispositions_are_told_also_when_a_list_server_collects_them() {
    let status =
        |kind: &str, what: &str| format!("<{kind}-notification><status><{what}/></status></{kind}-notification>");
    let all = [
        ("delivery", "delivered", Notified::Delivered),
        ("delivery", "failed", Notified::NotDelivered),
        ("delivery", "forbidden", Notified::Forbidden),
        ("delivery", "error", Notified::NotDelivered),
        ("display", "displayed", Notified::Displayed),
        ("display", "forbidden", Notified::Forbidden),
        ("processing", "processed", Notified::Processed),
        ("processing", "stored", Notified::Processed),
    ];
    let mut room = Room::entered(12, &WRAPPED);
    for (number, (kind, what, _)) in all.iter().enumerate() {
        room.says(
            &format!("p{number:03}"),
            "message/cpim",
            &wrapped("", &imdn(&format!("m{number:03}"), &status(kind, what))),
        );
    }
    let expected: Vec<_> =
        all.iter().enumerate().map(|(number, (.., told))| (format!("m{number:03}"), *told)).collect();
    assert_eq!(notified(&room), expected);
    let parts: String = (["one", "two"].iter())
        .map(|id| format!("--imdn-boundary\r\n{}\r\n", imdn(id, &status("delivery", "delivered"))))
        .collect();
    let many = format!("Content-Type: multipart/mixed; boundary=\"imdn-boundary\"\r\n\r\n{parts}--imdn-boundary--\r\n");
    room.says("p100", "message/cpim", &wrapped("", &many));
    let told = ["one", "two"].map(|id| (id.to_owned(), Notified::Delivered));
    assert_eq!(notified(&room)[all.len()..], told);
    assert!(room.scene.texts(ALICE).is_empty());
    room.scene.end();
}
