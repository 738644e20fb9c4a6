//! File transfers out of the ordinary: several at once, large ones, full disks, files that turn out to be others.

use sipsimple_core::agent::EventKind;
use sipsimple_core::id::StreamId;
use sipsimple_core::msrp::{FileSelector, safe_name};
use sipsimple_core::settings::kind::ConnectionModel::Relay;
use sipsimple_core::stream::{
    Command, FileTransferCommand, FileTransferEvent, FileTransferSpec, StreamEvent, StreamSpec,
};

use crate::file::{bytes, selector, stored, told};
use crate::scene::{ALICE, BOB, Scene};

fn spec(file: &str, selector: FileSelector, offset: u64) -> StreamSpec {
    StreamSpec::FileTransfer(FileTransferSpec {
        selector,
        sends: true,
        file: Some(file.into()),
        offset,
        ..FileTransferSpec::default()
    })
}

fn set(file: &str) -> Command {
    Command::FileTransfer(FileTransferCommand::SetFile(file.into()))
}

#[test]
fn several_files_go_at_once() {
    let contents: Vec<Vec<u8>> = [300_000, 10, 150_000].iter().map(|len| bytes(*len)).collect();
    let mut scene = Scene::alike(21, Relay);
    for (number, content) in contents.iter().enumerate() {
        scene.world.host_mut(ALICE).files.insert(format!("sent{number}"), content.clone());
    }
    let streams =
        contents.iter().enumerate().map(|(number, content)| spec(&format!("sent{number}"), selector(content), 0));
    scene.call(streams.collect());
    scene.run(200);
    for number in 0..3 {
        scene.command_on(BOB, number, set(&format!("stored{number}"))).unwrap();
    }
    scene.run(30_000);
    for (number, content) in contents.iter().enumerate() {
        assert_eq!(scene.world.host(BOB).files.get(&format!("stored{number}")), Some(content), "{number}");
        let stream = StreamId::from_u64(number as u64);
        for (host, received) in [(ALICE, false), (BOB, true)] {
            let finished = StreamEvent::FileTransfer(FileTransferEvent::DidFinish { received });
            let of = |kind: &EventKind| matches!(kind, EventKind::Stream { id, event, .. } if *id == stream && *event == finished);
            let count = scene.world.host(host).events.iter().filter(|(_, event)| of(&event.kind)).count();
            assert_eq!(count, 1, "{host} {number}");
        }
    }
    scene.end();
}

#[test]
fn a_file_is_larger_than_four_gibibytes() {
    // All but its end is there already: what counts is where the bytes stand.
    let (size, tail) = (5 << 30, bytes(100_000));
    let offset = size - tail.len() as u64;
    let mut scene = Scene::alike(22, Relay);
    for (host, file) in [(ALICE, "picture"), (BOB, "stored")] {
        scene.world.host_mut(host).origins.insert(file.into(), offset);
    }
    scene.world.host_mut(ALICE).files.insert("picture".into(), tail.clone());
    scene.call(vec![spec("picture", FileSelector::for_file("disk.img", None, Some(size), None), offset)]);
    scene.run(200);
    scene.command(BOB, set("stored")).unwrap();
    scene.run(20_000);
    assert_eq!(stored(&scene), Some(&tail));
    let last = told(&scene, ALICE).into_iter().filter_map(|event| match event {
        FileTransferEvent::DidDeliverChunk { transferred_bytes, file_size, .. } => Some((transferred_bytes, file_size)),
        _ => None,
    });
    assert_eq!(last.last(), Some((size, size)));
    scene.end();
}

#[test]
fn a_full_disk_ends_the_transfer_on_both_sides() {
    let data = bytes(1_000_000);
    let mut scene = Scene::alike(23, Relay);
    scene.world.host_mut(BOB).disk = 300_000;
    scene.world.host_mut(ALICE).files.insert("picture".into(), data.clone());
    scene.call(vec![spec("picture", selector(&data), 0)]);
    scene.run(200);
    scene.command(BOB, set("stored")).unwrap();
    scene.run(20_000);
    let full = FileTransferEvent::DidNotFinish { received: true, reason: "no space left on device".into() };
    assert_eq!(told(&scene, BOB).last(), Some(&full));
    let events = told(&scene, ALICE);
    assert!(
        events.iter().any(|event| matches!(event, FileTransferEvent::DidNotFinish { received: false, .. })),
        "{events:?}"
    );
    // The session goes on without it.
    scene.end();
}

/// All of the file has come when writing it fails: there is no chunk left to refuse, and the sender hears it by a report.
#[test]
fn a_disk_that_fails_behind_the_last_chunk_is_reported() {
    for disk in [10, 300] {
        let data = bytes(1000);
        let mut scene = Scene::alike(25, Relay);
        scene.world.host_mut(BOB).disk = disk;
        scene.world.host_mut(ALICE).files.insert("picture".into(), data.clone());
        scene.call(vec![spec("picture", selector(&data), 0)]);
        scene.run(200);
        scene.command(BOB, set("stored")).unwrap();
        scene.run(2000);
        let full = FileTransferEvent::DidNotFinish { received: true, reason: "no space left on device".into() };
        assert_eq!(told(&scene, BOB).last(), Some(&full));
        let events = told(&scene, ALICE);
        let refused = |event: &FileTransferEvent| {
            matches!(event, FileTransferEvent::DidNotDeliverChunk { code: 413, chunk: Some(_), .. })
        };
        assert_eq!(events.iter().filter(|event| refused(event)).count(), 1, "{events:?}");
        assert!(matches!(events.last(), Some(FileTransferEvent::DidNotFinish { received: false, .. })), "{events:?}");
        scene.run(18_000);
        assert_eq!((told(&scene, ALICE), told(&scene, BOB).last()), (events, Some(&full)), "nothing more is told");
        scene.end();
    }
}

#[test]
fn a_size_that_cannot_be_costs_nothing() {
    // M7: 2^63 bytes are announced, and a thousand come.
    let data = bytes(1000);
    let mut scene = Scene::alike(24, Relay);
    scene.world.host_mut(ALICE).files.insert("picture".into(), data.clone());
    scene.call(vec![spec("picture", FileSelector::for_file("a", None, Some(1 << 63), None), 0)]);
    scene.run(200);
    scene.command(BOB, set("stored")).unwrap();
    scene.run(5000);
    assert!(stored(&scene).is_none_or(|stored| stored.len() <= data.len()));
    for (host, received) in [(ALICE, false), (BOB, true)] {
        let failed = |event: &FileTransferEvent| matches!(event, FileTransferEvent::DidNotFinish { received: side, .. } if *side == received);
        assert!(told(&scene, host).iter().filter(|event| failed(event)).count() <= 1, "{host}");
        assert!(!told(&scene, host).contains(&FileTransferEvent::DidFinish { received }), "{host}");
    }
    scene.end();
}

#[test]
fn a_name_from_a_peer_is_told_as_it_is_and_made_safe() {
    // M7: the name comes through the description as it was given.
    let evil = "../../etc/pass\u{202e}wd";
    let selector = FileSelector { name: Some(evil.into()), size: Some(3), ..FileSelector::default() };
    let read = FileSelector::parse(&selector.sdp_repr()).unwrap();
    assert_eq!(read.name.as_deref(), Some(evil));
    assert_eq!(safe_name(evil), "passwd");
    for name in ["CON", "nul.txt", "a\0b", "", "..", "com7"] {
        let safe = safe_name(name);
        assert!(
            !safe.is_empty() && !safe.contains(['/', '\\', '\0']) && safe != ".." && safe != name,
            "{name:?} {safe:?}"
        );
    }
}
