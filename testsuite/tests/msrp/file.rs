//! File transfers.

use sipsimple_core::msrp::{FileHasher, FileSelector, HashAlgorithm};
use sipsimple_core::settings::kind::ConnectionModel::Relay;
use sipsimple_core::stream::{
    ChatSpec, Command, FileTransferCommand, FileTransferEvent, FileTransferSpec, StreamEvent, StreamSpec,
};

use crate::scene::{ALICE, BOB, Scene};

pub(crate) fn bytes(len: usize) -> Vec<u8> {
    (0..len).map(|at| u8::try_from(at * 31 % 253).unwrap()).collect()
}

pub(crate) fn selector(data: &[u8]) -> FileSelector {
    let mut hasher = FileHasher::new(HashAlgorithm::Sha1);
    hasher.update(data);
    FileSelector::for_file("/home/alice/My picture.jpg", None, Some(data.len() as u64), Some(hasher.finish()))
}

/// Alice sends this file; Bob stores it.
pub(crate) fn push(scene: &mut Scene, data: &[u8], selector: FileSelector, offset: u64) {
    scene.world.host_mut(ALICE).files.insert("picture".into(), data.to_vec());
    let spec =
        FileTransferSpec { selector, sends: true, file: Some("picture".into()), offset, ..FileTransferSpec::default() };
    scene.call(vec![StreamSpec::FileTransfer(spec)]);
    scene.run(200);
    scene.command(BOB, Command::FileTransfer(FileTransferCommand::SetFile("stored".into()))).unwrap();
}

pub(crate) fn told(scene: &Scene, host: usize) -> Vec<FileTransferEvent> {
    let of = |event| if let StreamEvent::FileTransfer(event) = event { Some(event) } else { None };
    scene.told(host).into_iter().filter_map(of).collect()
}

fn finished(received: bool) -> FileTransferEvent {
    FileTransferEvent::DidFinish { received }
}

pub(crate) fn stored(scene: &Scene) -> Option<&Vec<u8>> {
    scene.world.host(BOB).files.get("stored")
}

#[test]
fn a_file_is_pushed() {
    let data = bytes(1_000_000);
    let mut scene = Scene::alike(1, Relay);
    push(&mut scene, &data, selector(&data), 0);
    scene.run(30_000);
    assert_eq!(stored(&scene), Some(&data));
    assert_eq!(told(&scene, ALICE).last(), Some(&finished(false)));
    assert_eq!(told(&scene, BOB).last(), Some(&finished(true)));
    // Progress is told on both sides, and never goes back.
    let sent: Vec<u64> = (told(&scene, ALICE).into_iter())
        .filter_map(|event| match event {
            FileTransferEvent::DidDeliverChunk { transferred_bytes, file_size, code, .. } => {
                assert_eq!((file_size, code), (1_000_000, 200));
                Some(transferred_bytes)
            }
            _ => None,
        })
        .collect();
    assert!(sent.len() >= 3 && sent.is_sorted() && sent.last() == Some(&1_000_000), "{sent:?}");
    let come: Vec<u64> = (told(&scene, BOB).into_iter())
        .filter_map(|event| match event {
            FileTransferEvent::GotChunk { transferred_bytes, file_size, content, content_type } => {
                assert_eq!((file_size, content.len(), content_type.as_str()), (Some(1_000_000), 0, "image/jpeg"));
                Some(transferred_bytes)
            }
            _ => None,
        })
        .collect();
    assert!(come.is_sorted() && come.last() == Some(&1_000_000));
    scene.end();
}

#[test]
fn a_file_is_pulled() {
    let data = bytes(300_000);
    let mut scene = Scene::alike(2, Relay);
    scene.world.host_mut(BOB).files.insert("picture".into(), data.clone());
    let spec = FileTransferSpec {
        selector: selector(&data),
        sends: false,
        file: Some("mine".into()),
        offset: 0,
        ..FileTransferSpec::default()
    };
    scene.call(vec![StreamSpec::FileTransfer(spec)]);
    scene.run(200);
    scene.command(BOB, Command::FileTransfer(FileTransferCommand::SetFile("picture".into()))).unwrap();
    scene.run(20_000);
    assert_eq!(scene.world.host(ALICE).files.get("mine"), Some(&data));
    assert_eq!(told(&scene, ALICE).last(), Some(&finished(true)));
    assert_eq!(told(&scene, BOB).last(), Some(&finished(false)));
    scene.end();
}

#[test]
fn an_interrupted_push_resumes_from_the_last_byte_reported() {
    // Design decision 10: a new offer with the hash and the range; the whole hash is checked.
    let data = bytes(2_000_000);
    let mut scene = Scene::alike(3, Relay);
    push(&mut scene, &data, selector(&data), 0);
    let reported = |scene: &Scene| {
        let of = |event| match event {
            FileTransferEvent::DidDeliverChunk { transferred_bytes, .. } => Some(transferred_bytes),
            _ => None,
        };
        told(scene, ALICE).into_iter().filter_map(of).last().unwrap_or(0)
    };
    while reported(&scene) < 500_000 {
        scene.run(10);
    }
    let (one, other) = (scene.world.host(ALICE).addresses[0], scene.world.host(BOB).addresses[0]);
    scene.world.reset_connections(one, other);
    scene.run(1000);
    let interrupted = |received| FileTransferEvent::DidNotFinish { received, reason: "Interrupted transfer".into() };
    assert!(told(&scene, BOB).contains(&interrupted(true)));
    assert!(told(&scene, ALICE).iter().any(|event| matches!(event, FileTransferEvent::DidNotFinish { .. })));
    let offset = reported(&scene);
    assert!((500_000..2_000_000).contains(&offset));
    // What was reported is there.
    let partial = stored(&scene).unwrap().clone();
    assert_eq!(partial[..usize::try_from(offset).unwrap()], data[..usize::try_from(offset).unwrap()]);
    let mut again = Scene::alike(4, Relay);
    again.world.host_mut(BOB).files.insert("stored".into(), partial);
    push(&mut again, &data, selector(&data), offset);
    again.run(60_000);
    assert_eq!(stored(&again), Some(&data));
    assert_eq!(told(&again, BOB).last(), Some(&finished(true)));
    let come: Vec<_> = told(&again, ALICE);
    assert!(come.iter().all(|event| match event {
        FileTransferEvent::DidDeliverChunk { transferred_bytes, .. } => *transferred_bytes > offset,
        _ => true,
    }));
    again.end();
}

#[test]
fn a_file_with_another_hash_or_size_is_refused() {
    let data = bytes(100_000);
    let mut other = data.clone();
    other[50_000] ^= 1;
    let mut scene = Scene::alike(5, Relay);
    push(&mut scene, &other, selector(&data), 0);
    scene.run(20_000);
    let mismatch = FileTransferEvent::DidNotFinish { received: true, reason: "File hash mismatch".into() };
    assert_eq!(told(&scene, BOB).last(), Some(&mismatch));
    let events = told(&scene, ALICE);
    assert!(events.iter().any(|event| matches!(event, FileTransferEvent::DidNotDeliverChunk { code: 400, .. })));
    assert!(!events.contains(&finished(false)));
    scene.end();
    // The file has become shorter than it was.
    let mut scene = Scene::alike(6, Relay);
    push(&mut scene, &data[..1000], selector(&data), 0);
    scene.run(5000);
    assert!(told(&scene, ALICE).iter().any(|event| matches!(event, FileTransferEvent::DidNotFinish { .. })));
    scene.end();
}

#[test]
fn a_disk_that_got_stuck_ends_the_transfer() {
    for host in [ALICE, BOB] {
        let data = bytes(3_000_000);
        let mut scene = Scene::alike(10, Relay);
        push(&mut scene, &data, selector(&data), 0);
        scene.run(450);
        scene.world.host_mut(host).disk_is_stuck = true;
        scene.run(59_000);
        let ended = |event: &FileTransferEvent| matches!(event, FileTransferEvent::DidNotFinish { .. });
        assert!(!told(&scene, host).iter().any(ended), "{host}");
        scene.run(3000);
        let reason = "no answer from the driver".into();
        assert!(told(&scene, host).contains(&FileTransferEvent::DidNotFinish { received: host == BOB, reason }));
        scene.end();
    }
}

#[test]
fn an_empty_file_arrives() {
    let mut scene = Scene::alike(7, Relay);
    push(&mut scene, b"", selector(b""), 0);
    scene.run(10_000);
    assert_eq!(stored(&scene), Some(&Vec::new()));
    assert_eq!(told(&scene, BOB).last(), Some(&finished(true)));
    assert_eq!(told(&scene, ALICE).last(), Some(&finished(false)));
    scene.end();
}

/// Whenever that is: before there is a connection, before anything of the file was sent, between its chunks, or behind the last. Both sides hear of its end;
/// of a file that has come whole meanwhile its receiver that it has come.
#[test]
fn a_transfer_is_cancelled_by_either_side() {
    for (host, len, step) in
        [(ALICE, 0, 10), (ALICE, 700, 10), (BOB, 700, 10), (ALICE, 1_000_000, 50), (BOB, 1_000_000, 50)]
    {
        let (mut early, mut under_way) = (0, 0);
        for at in (200..600).step_by(step) {
            let data = bytes(len);
            let mut scene = Scene::alike(8, Relay);
            push(&mut scene, &data, selector(&data), 0);
            scene.run(at);
            if scene.command(host, Command::FileTransfer(FileTransferCommand::Cancel)).is_err() {
                continue;
            }
            let is_end = |event: &FileTransferEvent| {
                matches!(event, FileTransferEvent::DidNotFinish { .. } | FileTransferEvent::DidFinish { .. })
            };
            let begun = !told(&scene, host).iter().all(is_end);
            *if begun { &mut under_way } else { &mut early } += 1;
            scene.run(5000);
            for side in [ALICE, BOB] {
                let told = told(&scene, side);
                let ends: Vec<_> = told.iter().filter(|event| is_end(event)).collect();
                assert_eq!(ends.len(), 1, "{len} bytes, {host} at {at}, {side}: {told:?}");
                let given_up = matches!(ends[0], FileTransferEvent::DidNotFinish { .. });
                assert!(given_up || side != host, "{len} bytes, {host} at {at}: {told:?}");
            }
            scene.end();
        }
        assert!(early > 0 && (under_way > 0 || len <= 700), "{host} {len}: {early} {under_way}");
    }
}

/// RFC 5547 section 8.1: when the session is offered again for another reason, the line of a file that has arrived has port 0.
#[test]
fn a_file_that_has_arrived_leaves_when_something_else_is_offered() {
    for proposer in [ALICE, BOB] {
        let data = bytes(10_000);
        let mut scene = Scene::alike(12, Relay);
        push(&mut scene, &data, selector(&data), 0);
        scene.run(5000);
        assert!(scene.names(ALICE).contains(&"FileTransferStreamDidFinish"));
        assert_eq!(scene.names(BOB).last(), Some(&"FileTransferStreamDidFinish"), "the stream stays by itself");
        let chat = StreamSpec::Chat(ChatSpec::default());
        scene.session(proposer, |session| drop(session.add_streams(&[chat]).unwrap()));
        scene.run(500);
        scene.session(if proposer == ALICE { BOB } else { ALICE }, |session| {
            let proposed = session.proposed_streams().unwrap();
            session.accept_proposal(&proposed).unwrap();
        });
        scene.run(2000);
        for host in [ALICE, BOB] {
            let names = scene.names(host);
            let count = |name: &str| names.iter().filter(|own| **own == name).count();
            assert_eq!((count("MediaStreamDidEnd"), count("MediaStreamDidFail")), (1, 0), "{names:?}");
            assert_eq!(count("FileTransferStreamDidFinish") + count("FileTransferStreamDidNotFinish"), 1, "{names:?}");
        }
        scene.say_on(ALICE, 1, "m001", "thanks");
        scene.run(500);
        assert_eq!(scene.texts(BOB), ["thanks"]);
        scene.end();
    }
}
