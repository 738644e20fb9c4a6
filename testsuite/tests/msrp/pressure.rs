//! Who is slow holds back who is fast: memory stays flat at both ends, whatever is sent.

use std::time::Duration;

use bytes::Bytes;
use sipsimple_core::agent::EventKind;
use sipsimple_core::msrp::FileSelector;
use sipsimple_core::settings::kind::ConnectionModel::Relay;
use sipsimple_core::stream::{
    Command, DesktopSharingCommand, DesktopSharingEvent, DesktopSharingHandler, DesktopSharingSpec, FileTransferEvent,
    StreamEvent, StreamSpec,
};
use sipsimple_testsuite::host::Tracing;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::stream::Pipe;

use crate::file::{bytes, push, selector, stored, told};
use crate::scene::{ALICE, BOB, Scene, over_tcp};

/// What the system of a receiver keeps of a connection that is not read.
const WINDOW: usize = 128 * 1024;
/// What frames take beside what they carry.
const FRAMES: u64 = 64 * 1024;

/// A network that is faster than whoever reads from it.
fn fast() -> Faults {
    Faults { rate: 20_000_000, buffer: 64 * 1024, window: WINDOW, ..Faults::none() }
}

fn pipe(scene: &Scene, host: usize) -> Option<&Pipe> {
    scene.world.host(host).media_pipes().next()
}

/// No more is on its way than the window, and no more waits for it than is written at once.
fn check_wire(scene: &Scene) {
    for inbound in [ALICE, BOB].into_iter().filter_map(|host| pipe(scene, host)).map(|pipe| &pipe.inbound) {
        assert!(inbound.taken <= WINDOW, "{} bytes are on their way", inbound.taken);
        assert!(inbound.waits() <= 128 * 1024, "{} bytes wait to be sent", inbound.waits());
    }
}

#[test]
fn a_slow_disk_holds_the_sender_back() {
    const RATE: u64 = 500_000;
    let data = bytes(5_000_000);
    let mut scene = Scene::alike(1, Relay);
    scene.world.set_faults(fast());
    scene.world.host_mut(BOB).disk_rate = RATE;
    push(&mut scene, &data, selector(&data), 0);
    let begun = scene.world.now();
    let (mut behind, mut ahead) = (0, 0);
    let done = FileTransferEvent::DidFinish { received: true };
    while scene.world.now() - begun < Duration::from_secs(8) {
        assert!(scene.world.step());
        check_wire(&scene);
        let (alice, bob) = (scene.world.host(ALICE), scene.world.host(BOB));
        // What the sender has read and not written, and what the receiver has read and not stored.
        let written = pipe(&scene, ALICE).map_or(0, |pipe| pipe.traffic[0]);
        ahead = ahead.max(alice.disk_bytes[0].saturating_sub(written));
        let come = pipe(&scene, BOB).map_or(0, |pipe| pipe.traffic[1]);
        behind = behind.max(come.saturating_sub(bob.disk_bytes[1]));
        assert!(ahead <= 256 * 1024 && behind <= 3 * 1024 * 1024 + FRAMES, "{ahead} {behind}");
        // The disk is never idle while there is something to write.
        let could = RATE * u64::try_from((scene.world.now() - begun).as_millis()).unwrap() / 1000;
        assert!(bob.disk_bytes[1] + RATE / 2 >= could, "{} of {could}", bob.disk_bytes[1]);
    }
    assert!(behind > 1024 * 1024, "it was never held back: {behind}");
    scene.run(10_000);
    assert_eq!((stored(&scene), told(&scene, BOB).last()), (Some(&data), Some(&done)));
    scene.end();
}

/// A way of 100 ms there and back that carries 60 MB/s holds 6 MB: as much must be unanswered to fill it.
#[test]
fn a_long_way_is_filled() {
    const RATE: u64 = 60_000_000;
    let faults = Faults { delay: Duration::from_millis(50), window: 16 << 20, ..Faults::none() };
    let mut scene = Scene::traced(3, faults.clone(), [over_tcp(Relay), over_tcp(Relay)], Tracing::Off);
    let data = vec![7; 60_000_000];
    let size = data.len() as u64;
    push(&mut scene, &data, FileSelector::for_file("a", None, Some(size), None), 0);
    scene.world.set_faults(Faults { rate: RATE, buffer: 256 * 1024, ..faults });
    let begun = scene.world.now();
    let (mut half, mut behind) = (None, 0);
    while scene.world.host(BOB).disk_bytes[1] < size {
        assert!(scene.world.step() && scene.world.now() - begun < Duration::from_secs(20));
        let bob = scene.world.host(BOB);
        if bob.disk_bytes[1] >= size / 2 {
            half.get_or_insert_with(|| (scene.world.now(), bob.disk_bytes[1]));
        }
        let come = pipe(&scene, BOB).map_or(0, |pipe| pipe.traffic[1]);
        behind = behind.max(come.saturating_sub(bob.disk_bytes[1]));
    }
    let (from, before) = half.unwrap();
    let time = u64::try_from((scene.world.now() - from).as_millis()).unwrap();
    let (moved, could) = (size - before, RATE * time / 1000);
    assert!(moved * 100 >= could * 95, "{moved} of {could} bytes in {time} ms");
    // Nothing of that is kept anywhere but on the way.
    assert!(behind < 256 * 1024, "{behind}");
    scene.run(5000);
    assert!(told(&scene, ALICE).contains(&FileTransferEvent::DidFinish { received: false }));
    scene.end();
}

/// Bytes of a screen are not answered one by one: what holds their sender back is the connection.
#[test]
fn a_slow_viewer_holds_the_server_back() {
    const RATE: u64 = 1_000_000;
    let mut scene = Scene::alike(2, Relay);
    let handler = DesktopSharingHandler::InternalViewer;
    scene.call(vec![StreamSpec::DesktopSharing(DesktopSharingSpec { handler })]);
    scene.run(2000);
    scene.world.set_faults(fast());
    let data = bytes(8_000_000);
    let (mut sent, mut taken, mut unread) = (0, 0, 0);
    let mut next = scene.world.now();
    let (mut news, mut shown) = ([0; 2], 0);
    while taken < data.len() as u64 {
        next += Duration::from_millis(100);
        loop {
            // The server has always more to show.
            if fresh(&scene, BOB, &mut news).contains(&DesktopSharingEvent::Writable) || sent == 0 {
                while sent < data.len() {
                    let part = data[sent..data.len().min(sent + 50_000)].to_vec();
                    let (len, command) = (part.len(), DesktopSharingCommand::Send(part.into()));
                    if scene.command(BOB, Command::DesktopSharing(command)).is_err() {
                        break;
                    }
                    sent += len;
                }
            }
            if scene.world.now() >= next || !scene.world.step() {
                break;
            }
            check_wire(&scene);
            for event in fresh(&scene, ALICE, &mut news) {
                shown += if let DesktopSharingEvent::GotData { data } = event { data.len() as u64 } else { 0 };
            }
            let come = pipe(&scene, ALICE).map_or(0, |pipe| pipe.traffic[1]);
            assert!(shown - taken <= 512 * 1024 && come - taken <= 5 * 1024 * 1024, "{shown} {taken} {come}");
            unread = unread.max(pipe(&scene, ALICE).map_or(0, |pipe| pipe.inbound.unread.iter().map(Bytes::len).sum()));
        }
        let part = (RATE / 10).min(shown - taken);
        taken += part;
        scene.command(ALICE, Command::DesktopSharing(DesktopSharingCommand::Taken(part))).unwrap();
    }
    assert_eq!(shown, data.len() as u64);
    assert!(unread > WINDOW / 2, "the window was never full: {unread}");
    scene.end();
}

/// What a host was told of its desktop since this was asked last.
fn fresh(scene: &Scene, host: usize, seen: &mut [usize; 2]) -> Vec<DesktopSharingEvent> {
    let events = &scene.world.host(host).events;
    let of = |event: &EventKind| match event {
        EventKind::Stream { event: StreamEvent::DesktopSharing(event), .. } => Some(event.clone()),
        _ => None,
    };
    let from = std::mem::replace(&mut seen[host], events.len());
    events[from..].iter().filter_map(|(_, event)| of(&event.kind)).collect()
}
