//! Streams share connections, and what is short does not wait for what is long.

use std::time::Duration;

use sipsimple_core::agent::EventKind;
use sipsimple_core::settings::kind::ConnectionModel::{self, Acm, Relay};
use sipsimple_core::stream::{
    ChatEvent, ChatSpec, Command, FileTransferCommand, FileTransferEvent, FileTransferSpec, StreamEvent, StreamSpec,
};
use sipsimple_core::time::Instant;
use sipsimple_testsuite::link::Faults;

use crate::file::{bytes, selector, stored, told};
use crate::scene::{ALICE, BOB, Scene, over_tcp};

/// Bytes in a second: 40 Mbit/s.
const RATE: u64 = 5_000_000;

fn chat() -> StreamSpec {
    StreamSpec::Chat(ChatSpec::default())
}

fn file(data: &[u8]) -> StreamSpec {
    let spec = FileTransferSpec {
        selector: selector(data),
        sends: true,
        file: Some("picture".into()),
        offset: 0,
        ..FileTransferSpec::default()
    };
    StreamSpec::FileTransfer(spec)
}

#[test]
fn all_streams_to_a_peer_share_one_connection() {
    for model in [Relay, Acm] {
        let mut scene = Scene::alike(1, model);
        scene.call(vec![chat(), chat()]);
        scene.run(1000);
        scene.call(vec![chat()]);
        scene.run(1000);
        for (stream, text) in [(0, "one"), (1, "two"), (2, "three")] {
            scene.say_on(ALICE, stream, &format!("m00{stream}"), text);
        }
        scene.run(100);
        assert_eq!(scene.texts(BOB), ["one", "two", "three"], "{model:?}");
        assert_eq!([ALICE, BOB].map(|host| scene.world.host(host).connections()), [1, 1], "{model:?}");
        // The others go on when one session ends.
        scene.hang_up();
        scene.run(1000);
        scene.say_on(ALICE, 1, "m003", "four");
        scene.run(100);
        assert_eq!(scene.texts(BOB).last().map(String::as_str), Some("four"), "{model:?}");
        assert_eq!(scene.world.host(BOB).connections(), 1, "{model:?}");
    }
}

#[test]
fn a_connection_ends_with_its_last_session() {
    let mut scene = Scene::alike(2, Relay);
    scene.call(vec![chat(), chat()]);
    scene.run(1000);
    scene.end();
    assert_eq!([ALICE, BOB].map(|host| scene.world.host(host).connections()), [0, 0]);
}

/// When a host got the text of each chat message.
fn heard(scene: &Scene, host: usize) -> Vec<(Instant, String)> {
    let of = |(at, event): &(Instant, sipsimple_core::agent::Event)| match &event.kind {
        EventKind::Stream { event: StreamEvent::Chat(ChatEvent::GotMessage { message }), .. } => {
            Some((*at, String::from_utf8(message.content.to_vec()).unwrap()))
        }
        _ => None,
    };
    scene.world.host(host).events.iter().filter_map(of).collect()
}

fn received(scene: &Scene) -> u64 {
    let of = |event| match event {
        FileTransferEvent::GotChunk { transferred_bytes, .. } => Some(transferred_bytes),
        _ => None,
    };
    told(scene, BOB).into_iter().filter_map(of).last().unwrap_or(0)
}

/// Chats beside a file that saturates the link, in one session or in another one.
fn chat_beside_a_file(seed: u64, model: ConnectionModel, in_one: bool) {
    let data = bytes(8_000_000);
    let mut scene = Scene::new(seed, Faults::none(), [over_tcp(model), over_tcp(model)]);
    scene.world.host_mut(ALICE).files.insert("picture".into(), data.clone());
    scene.call(if in_one { vec![file(&data), chat()] } else { vec![file(&data)] });
    scene.run(200);
    scene.command(BOB, Command::FileTransfer(FileTransferCommand::SetFile("stored".into()))).unwrap();
    if !in_one {
        scene.call(vec![chat()]);
    }
    // The system's buffer is as large as what is written at once.
    scene.world.set_faults(Faults { rate: RATE, buffer: 64 * 1024, ..Faults::none() });
    scene.run(900);
    let (from, before) = (scene.world.now(), received(&scene));
    let mut said = Vec::new();
    for number in 0..20 {
        let text = format!("message {number}");
        said.push((scene.world.now(), text.clone()));
        scene.say_on(ALICE, 1, &format!("m{number:03}"), &text);
        scene.run(31);
    }
    let (time, moved) = (scene.world.now() - from, received(&scene) - before);
    scene.run(200);
    let heard = heard(&scene, BOB);
    let late: Vec<Duration> = said
        .iter()
        .map(|(at, text)| heard.iter().find(|(_, other)| other == text).unwrap_or_else(|| panic!("{text}")).0 - *at)
        .collect();
    let most = late.iter().max().unwrap();
    assert!(*most <= Duration::from_millis(50), "a message was on its way for {most:?}");
    let could = RATE * u64::try_from(time.as_millis()).unwrap() / 1000;
    assert!(moved * 10 >= could * 9, "the file does not saturate the link: {moved} of {could} bytes");
    scene.run(5_000);
    assert_eq!(stored(&scene), Some(&data));
}

#[test]
fn a_chat_message_is_there_within_50_ms_beside_a_file_that_saturates_the_link() {
    chat_beside_a_file(3, Relay, true);
    chat_beside_a_file(4, Acm, true);
}

#[test]
fn so_it_is_when_the_file_goes_in_another_session() {
    chat_beside_a_file(5, Relay, false);
}
