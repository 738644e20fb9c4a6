//! Chats.

use sipsimple_core::agent::{IntentError, MsrpAccount};
use sipsimple_core::id::StreamId;
use sipsimple_core::payload::composing::State;
use sipsimple_core::payload::cpim::{Address, Field, FieldName, Subject};
use sipsimple_core::settings::kind::ConnectionModel::{Acm, Relay};
use sipsimple_core::stream::{
    ChatCommand, ChatEvent, ChatMessage, ChatSpec, Command, Notified, StreamError, StreamEvent, StreamSpec,
};
use sipsimple_testsuite::link::Faults;

use crate::scene::{ALICE, BOB, Scene, over_tcp};

fn chat() -> Vec<StreamSpec> {
    vec![StreamSpec::Chat(ChatSpec::default())]
}

/// A chat that has started.
fn started(seed: u64) -> Scene {
    let mut scene = Scene::alike(seed, Relay);
    scene.call(chat());
    scene.run(2000);
    scene
}

fn delivered(scene: &Scene, host: usize) -> Vec<(String, u16)> {
    let of = |event| match event {
        ChatEvent::DidDeliverMessage { message_id, code, .. } => Some((message_id.to_string(), code)),
        ChatEvent::DidNotDeliverMessage { message_id, code, .. } => Some((format!("not {message_id}"), code)),
        _ => None,
    };
    scene.chat(host).into_iter().filter_map(of).collect()
}

#[test]
fn messages_go_both_ways_whoever_opens_the_connection() {
    for (alice, bob) in [(Relay, Relay), (Acm, Acm), (Acm, Relay), (Relay, Acm)] {
        let mut scene = Scene::new(1, Faults::none(), [over_tcp(alice), over_tcp(bob)]);
        scene.call(chat());
        scene.run(2000);
        scene.say(ALICE, "m001", "hello").unwrap();
        scene.say(BOB, "m001", "hello yourself").unwrap();
        scene.say(BOB, "m002", "déjà vu").unwrap();
        scene.run(1000);
        assert_eq!(scene.texts(BOB), ["hello"], "{alice:?} {bob:?}");
        assert_eq!(scene.texts(ALICE), ["hello yourself", "déjà vu"], "{alice:?} {bob:?}");
        assert_eq!(delivered(&scene, ALICE), [("m001".to_owned(), 200)]);
        assert_eq!(delivered(&scene, BOB), [("m001".to_owned(), 200), ("m002".to_owned(), 200)]);
        scene.end();
        let names = ["MediaStreamDidInitialize", "MediaStreamDidStart"];
        for host in [ALICE, BOB] {
            let told = scene.names(host);
            assert_eq!(told[..2], names);
            assert_eq!(told[told.len() - 2..], ["MediaStreamWillEnd", "MediaStreamDidEnd"]);
        }
    }
}

#[test]
fn the_other_side_offers_the_chat_again() {
    // Whoever left the choice of the roles to the other answers with one of them (OA-11).
    for model in [Relay, Acm] {
        let mut scene = Scene::alike(11, model);
        scene.call(chat());
        scene.run(2000);
        scene.session(BOB, |session| drop(session.add_streams(&chat()).unwrap()));
        scene.run(1000);
        assert!(scene.names(ALICE).contains(&"MediaStreamDidInitialize"));
        scene.say(ALICE, "m001", "still here").unwrap();
        scene.say(BOB, "m002", "so am I").unwrap();
        scene.run(500);
        assert_eq!((scene.texts(BOB), scene.texts(ALICE)), (vec!["still here".into()], vec!["so am I".into()]));
        scene.end();
    }
}

#[test]
fn what_is_said_too_early_waits() {
    let mut scene = Scene::alike(2, Relay);
    scene.call(chat());
    scene.run(50);
    scene.say(ALICE, "m001", "one").unwrap();
    scene.say(ALICE, "m002", "two").unwrap();
    assert!(scene.chat(ALICE).is_empty());
    scene.run(3000);
    assert_eq!(scene.texts(BOB), ["one", "two"]);
    assert_eq!(delivered(&scene, ALICE).len(), 2);
    scene.end();
}

#[test]
fn what_waits_when_the_call_ends_is_told_to_have_failed() {
    let mut scene = Scene::alike(3, Relay);
    scene.call(chat());
    scene.run(50);
    scene.say(ALICE, "m001", "never").unwrap();
    scene.end();
    assert!(scene.texts(BOB).is_empty());
    assert_eq!(delivered(&scene, ALICE), [("not m001".to_owned(), 0)]);
}

/// The chat is one of a call that came, and was never accepted.
#[test]
fn what_is_given_to_a_chat_that_never_began_is_told_to_have_failed() {
    let mut scene = Scene::alike(10, Relay);
    scene.call(chat());
    scene.run(200);
    scene.say(BOB, "m001", "never").unwrap();
    scene.end();
    assert_eq!(delivered(&scene, BOB), [("not m001".to_owned(), 0)]);
    assert_eq!(scene.names(BOB), ["ChatStreamDidNotDeliverMessage"]);
}

#[test]
fn what_is_given_to_a_chat_that_is_not_accepted_is_told_to_have_failed() {
    let two = || [chat(), chat()].concat();
    let mut scene = Scene::alike(11, Relay);
    scene.call(two());
    scene.run(200);
    scene.say_on(BOB, 0, "m001", "never");
    scene.say_on(BOB, 1, "m002", "heard");
    scene.session(BOB, |session| session.accept(&[StreamId::from_u64(1)]).unwrap());
    scene.run(2000);
    assert_eq!(delivered(&scene, BOB), [("not m001".to_owned(), 0), ("m002".to_owned(), 200)]);
    // So it is in a proposal, of which a part is accepted, and then none.
    scene.session(ALICE, |session| drop(session.add_streams(&two()).unwrap()));
    scene.run(200);
    scene.say_on(BOB, 2, "m003", "never");
    scene.session(BOB, |session| session.accept_proposal(&[StreamId::from_u64(3)]).unwrap());
    scene.run(2000);
    assert_eq!(delivered(&scene, BOB)[2..], [("not m003".to_owned(), 0)]);
    scene.session(ALICE, |session| drop(session.add_streams(&chat()).unwrap()));
    scene.run(200);
    scene.say_on(BOB, 4, "m004", "never");
    scene.session(BOB, |session| session.reject_proposal(488, None).unwrap());
    scene.run(2000);
    assert_eq!(delivered(&scene, BOB)[3..], [("not m004".to_owned(), 0)]);
    scene.end();
}

/// What has no room is refused, and nothing of it is sent; that there is room again is told once.
#[test]
fn a_chat_that_is_full_says_when_there_is_room() {
    let mut scene = started(11);
    scene.world.set_faults(Faults { rate: 100_000, buffer: 64 * 1024, ..Faults::none() });
    let long = "x".repeat(200_000);
    let full = |result: &Result<_, _>| matches!(result, Err(IntentError::Stream(StreamError::Full(_))));
    let taken = (0..50).take_while(|number| !full(&scene.say(ALICE, &format!("m{number:03}"), &long))).count();
    assert!((20..30).contains(&taken), "{taken}");
    assert!(full(&scene.say(ALICE, "n001", "short")));
    scene.world.set_faults(Faults::none());
    scene.run(60_000);
    let writable = |scene: &Scene| scene.chat(ALICE).iter().filter(|event| **event == ChatEvent::Writable).count();
    assert_eq!(writable(&scene), 1);
    scene.say(ALICE, "n001", "short").unwrap();
    scene.run(1000);
    assert_eq!((scene.texts(BOB).len(), delivered(&scene, ALICE).len()), (taken + 1, taken + 1));
    assert_eq!(writable(&scene), 1);
    scene.end();
}

#[test]
fn a_message_says_all_that_cpim_can() {
    let mut scene = started(4);
    let mut message = ChatMessage::text("m001", "Would you like to go?");
    message.subjects = vec![
        Subject { language: None, text: "Lunch".into() },
        Subject { language: Some("fr".into()), text: "Déjeuner".into() },
    ];
    message.courtesy_recipients = vec![Address { name: Some("Carol".into()), uri: "sip:carol@example.com".into() }];
    let flavour = FieldName::new("urn:example:flavour", "Taste");
    message.additional_headers = vec![Field { name: flavour.clone(), language: None, value: "sweet\r\nX: y".into() }];
    message.required = vec![flavour];
    scene.send(ALICE, message.clone()).unwrap();
    scene.run(1000);
    let Some(ChatEvent::GotMessage { message: got }) = scene.chat(BOB).into_iter().next() else { panic!("none came") };
    assert!(got.cpim);
    assert_eq!(got.content, "Would you like to go?");
    assert_eq!(got.content_type, "text/plain; charset=utf-8");
    assert_eq!((got.subjects, got.courtesy_recipients), (message.subjects, message.courtesy_recipients));
    assert_eq!((got.additional_headers, got.required), (message.additional_headers, message.required));
    assert!(got.sender.uri.starts_with("sip:alice@") && got.recipients[0].uri.starts_with("sip:bob@"));
    assert!(got.timestamp.unix_millis > 1_291_803_480_000);
    scene.end();
}

#[test]
fn who_writes_is_told() {
    let mut scene = started(5);
    let said = |state| {
        let (refresh, last_active) = (Some(90), None);
        Command::Chat(ChatCommand::SendComposingIndication { state, refresh, last_active, recipients: Vec::new() })
    };
    scene.command(ALICE, said(State::Active)).unwrap();
    scene.run(500);
    scene.command(ALICE, said(State::Idle)).unwrap();
    scene.run(500);
    let states: Vec<_> = (scene.chat(BOB).into_iter())
        .map(|event| match event {
            ChatEvent::GotComposingIndication { state, refresh, sender, content_type, .. } => {
                assert_eq!((refresh, content_type.as_deref()), (Some(90), Some("text")));
                assert!(sender.uri.starts_with("sip:alice@"));
                state
            }
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(states, [State::Active, State::Idle]);
    // Of these nobody is told what becomes.
    assert!(scene.chat(ALICE).is_empty());
    scene.end();
}

#[test]
fn delivery_and_display_are_notified_when_asked_for() {
    let mut scene = started(6);
    let mut message = ChatMessage::text("m001", "look");
    message.notifications = vec![Notified::Delivered, Notified::Displayed];
    scene.send(ALICE, message).unwrap();
    scene.run(1000);
    let notified = |scene: &Scene| -> Vec<Notified> {
        let of = |event| match event {
            ChatEvent::GotNotification { message_id, notified, .. } if message_id == "m001" => Some(notified),
            _ => None,
        };
        scene.chat(ALICE).into_iter().filter_map(of).collect()
    };
    assert_eq!(notified(&scene), [Notified::Delivered]);
    let Some(ChatEvent::GotMessage { message }) = scene.chat(BOB).into_iter().next() else { panic!("none came") };
    scene.command(BOB, Command::Chat(ChatCommand::Displayed { message })).unwrap();
    scene.run(1000);
    assert_eq!(notified(&scene), [Notified::Delivered, Notified::Displayed]);
    scene.end();
}

#[test]
fn what_a_chat_cannot_do_is_refused_at_once() {
    let mut scene = started(7);
    let refuses = |result| matches!(result, Err(IntentError::Stream(StreamError::Refused(_))));
    assert!(refuses(scene.say(ALICE, "x", "no name")));
    assert!(refuses(scene.say(ALICE, "aside-1", "one of ours")));
    assert!(refuses(scene.command(ALICE, Command::Chat(ChatCommand::SetNickname("Al".into())))));
    let typed = ChatMessage::new("m001", "text/plain\r\nX: y", "x".into());
    scene.send(ALICE, typed).unwrap();
    scene.run(500);
    // Control characters cannot leave the CPIM header that they were put into.
    let Some(ChatEvent::GotMessage { message }) = scene.chat(BOB).into_iter().next() else { panic!("none came") };
    assert!(message.additional_headers.is_empty());
    scene.end();
}

#[test]
fn a_peer_of_another_transport_is_refused() {
    let mut scene = Scene::new(8, Faults::none(), [over_tcp(Relay), MsrpAccount::default()]);
    scene.call(chat());
    scene.run(3000);
    assert_eq!(scene.failure(ALICE), Some(488));
    assert!(scene.world.run_until_quiescent(std::time::Duration::from_secs(120)));
}

#[test]
fn a_lost_connection_fails_the_stream_and_what_was_under_way() {
    let mut scene = started(9);
    scene.say(ALICE, "m001", "arrives").unwrap();
    scene.run(500);
    let (one, other) = (scene.world.host(ALICE).addresses[0], scene.world.host(BOB).addresses[0]);
    scene.say(ALICE, "m002", "does not").unwrap();
    scene.world.reset_connections(one, other);
    scene.run(1000);
    assert_eq!(delivered(&scene, ALICE), [("m001".to_owned(), 200), ("not m002".to_owned(), 0)]);
    for host in [ALICE, BOB] {
        assert!(scene.told(host).iter().any(|event| matches!(event, StreamEvent::DidFail { .. })), "{host}");
    }
    assert!(scene.world.run_until_quiescent(std::time::Duration::from_secs(120)));
}

#[test]
fn any_cut_of_the_stream_gives_the_same_chat() {
    for seed in 0..20 {
        let faults = Faults { segment: 7, ..Faults::none() };
        let mut scene = Scene::new(seed, faults, [over_tcp(Relay), over_tcp(Acm)]);
        scene.call(chat());
        scene.run(2000);
        let long = "x".repeat(20_000);
        scene.say(ALICE, "m001", &long).unwrap();
        scene.say(ALICE, "m002", "short").unwrap();
        scene.run(20_000);
        let mut texts = scene.texts(BOB);
        texts.sort();
        assert_eq!(texts, ["short".to_owned(), long], "{seed}");
        assert_eq!(delivered(&scene, ALICE).len(), 2);
        scene.end();
    }
}
