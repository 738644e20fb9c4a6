//! Chats, file transfers and desktop sharing that fail, and what logs show of MSRP.

use sipsimple_core::agent::{Config, EventKind};
use sipsimple_core::msrp::{FileSelector, LogEvent, LogLevel};
use sipsimple_core::stream::{
    ChatCommand, ChatEvent, ChatMessage, ChatSpec, Command, DesktopSharingHandler, DesktopSharingSpec,
    FileTransferCommand, FileTransferEvent, FileTransferSpec, StreamEvent, StreamSpec,
};

use super::accounts;
use super::msrp::{Scene, hash};
use super::sessions::{ALICE, BOB};
use super::table::Table;

pub(crate) fn scenarios(table: &mut Table) {
    chat(table);
    file(table);
    interrupted_file(table);
    desktop(table);
}

/// Cuts all connections between the two, and lets the session end of it.
fn cut(mut scene: Scene, table: &mut Table) {
    let [alice, bob] = [ALICE, BOB].map(|host| scene.world.host(host).addresses[0]);
    scene.world.reset_connections(alice, bob);
    scene.run(5000);
    assert!(scene.told(ALICE, |event| matches!(event, StreamEvent::DidFail { .. })));
    accounts::hear(table, &scene.world);
}

fn chat(table: &mut Table) {
    let mut traced = Config::default();
    traced.msrp.trace = true;
    let mut small = Config::default();
    small.limits.msrp_message_bytes = 4096;
    let mut scene = Scene::with(StreamSpec::Chat(ChatSpec::default()), [traced, small]);
    scene.run(1000);
    let message = ChatMessage::text("m001", &"long ".repeat(4000));
    assert!(scene.command(ALICE, Command::Chat(ChatCommand::SendMessage(Box::new(message)))));
    scene.run(1000);
    // More than Bob keeps.
    assert!(
        scene
            .told(ALICE, |event| matches!(event, StreamEvent::Chat(ChatEvent::DidNotDeliverMessage { code: 413, .. })))
    );
    let logs = |like: &dyn Fn(&LogEvent) -> bool| {
        scene.world.host(ALICE).events.iter().any(|(_, event)| match &event.kind {
            EventKind::MsrpLog { event, .. } => like(event),
            _ => false,
        })
    };
    assert!(logs(&|event| matches!(event, LogEvent::TransportTrace { data, .. } if data.contains("long long"))));
    assert!(logs(&|event| matches!(event, LogEvent::LibraryLog { level: LogLevel::Info, .. })));
    cut(scene, table);
}

fn push(selector: FileSelector) -> Scene {
    let spec = FileTransferSpec {
        selector,
        sends: true,
        file: Some("a.txt".into()),
        offset: 0,
        ..FileTransferSpec::default()
    };
    let mut scene = Scene::new(StreamSpec::FileTransfer(spec));
    scene.world.host_mut(ALICE).files.insert("a.txt".into(), vec![b'a'; 3_000_000]);
    assert!(scene.command(BOB, Command::FileTransfer(FileTransferCommand::SetFile("b.txt".into()))));
    scene
}

/// A file that is not the one that was announced.
fn file(table: &mut Table) {
    let mut scene = push(FileSelector::for_file("a.txt", None, Some(3_000_000), Some(hash(b"another"))));
    scene.run(20_000);
    let refused = |event: &StreamEvent| {
        matches!(event, StreamEvent::FileTransfer(FileTransferEvent::DidNotDeliverChunk { code: 400, .. }))
    };
    assert!(scene.told(ALICE, refused));
    scene.over(table);
}

fn interrupted_file(table: &mut Table) {
    let mut scene = push(FileSelector::for_file("a.txt", None, Some(3_000_000), Some(hash(&vec![b'a'; 3_000_000]))));
    let begun = |scene: &Scene| {
        scene.told(BOB, |event| matches!(event, StreamEvent::FileTransfer(FileTransferEvent::GotChunk { .. })))
    };
    while !begun(&scene) {
        scene.run(10);
    }
    cut(scene, table);
}

/// Nobody listens where the VNC server should.
fn desktop(table: &mut Table) {
    let connect_timeout = DesktopSharingHandler::CONNECT_TIMEOUT;
    let handler = DesktopSharingHandler::ExternalServer { address: "10.0.0.2:5999".parse().unwrap(), connect_timeout };
    let mut scene = Scene::new(StreamSpec::DesktopSharing(DesktopSharingSpec { handler }));
    scene.run(5000);
    assert!(scene.told(ALICE, |event| matches!(event, StreamEvent::DidFail { .. })));
    accounts::hear(table, &scene.world);
}
