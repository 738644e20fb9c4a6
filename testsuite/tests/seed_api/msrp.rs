//! Chats, file transfers and desktop sharing.

use std::time::Duration;

use sipsimple_core::agent::{AccountSpec, Config, EventKind, Intent, MsrpAccount, Outcome};
use sipsimple_core::id::{AccountId, SessionId, StreamId};
use sipsimple_core::msrp::{FileHasher, FileSelector, HashAlgorithm};
use sipsimple_core::payload::composing::State;
use sipsimple_core::settings::kind::MsrpTransport;
use sipsimple_core::stream::{
    ChatCommand, ChatEvent, ChatMessage, ChatSpec, Command, DesktopSharingCommand, DesktopSharingEvent,
    DesktopSharingHandler, DesktopSharingSpec, FileTransferCommand, FileTransferEvent, FileTransferSpec, StreamEvent,
    StreamSpec,
};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::world::World;

use super::accounts;
use super::sessions::{ALICE, BOB};
use super::table::Table;

pub(crate) fn scenarios(table: &mut Table) {
    selectors(table);
    chat(table);
    file(table);
    desktop(table);
}

struct Scene {
    world: World,
    session: SessionId,
}

impl Scene {
    /// Alice has called Bob, who answers soon.
    fn new(stream: StreamSpec) -> Self {
        let mut world = World::new(1, Faults::none());
        for (number, name) in ["alice", "bob"].into_iter().enumerate() {
            let application: Box<dyn Application> =
                if number == ALICE { Box::new(Idle) } else { Box::new(Answering::after(Duration::from_millis(500))) };
            world.add(Config::default(), application);
            let msrp = MsrpAccount { transport: MsrpTransport::Tcp, ..MsrpAccount::default() };
            let spec =
                AccountSpec { msrp, ..AccountSpec::new(format!("sip:{name}@{}", world.host(number).addresses[0])) };
            world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
        }
        world.run_for(Duration::from_millis(1));
        let route = Route::new(Transport::Udp, world.address(BOB));
        let to = format!("sip:bob@{}", route.address).as_str().into();
        let intent =
            Intent::Connect { account: AccountId::from_u64(0), to, routes: vec![route], streams: vec![stream] };
        let outcome = world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap();
        let Outcome::Session(session) = outcome else { panic!("{outcome:?}") };
        let mut scene = Self { world, session };
        scene.run(200);
        scene
    }

    fn run(&mut self, millis: u64) {
        self.world.run_for(Duration::from_millis(millis));
    }

    fn command(&mut self, host: usize, command: Command) -> bool {
        let intent = Intent::Stream { stream: StreamId::from_u64(0), command };
        self.world.with(host, |agent, now| agent.intend(now, intent)).is_ok()
    }

    /// Whether a host was told something like this.
    fn told(&self, host: usize, like: impl Fn(&StreamEvent) -> bool) -> bool {
        self.world.host(host).events.iter().any(|(_, event)| match &event.kind {
            EventKind::Stream { event, .. } => like(event),
            _ => false,
        })
    }

    fn over(mut self, table: &mut Table) {
        let session = self.session;
        self.world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
        assert!(self.world.run_until_quiescent(Duration::from_secs(300)));
        accounts::hear(table, &self.world);
    }
}

fn hash(data: &[u8]) -> sipsimple_core::msrp::FileHash {
    let mut hasher = FileHasher::new(HashAlgorithm::Sha1);
    hasher.update(data);
    hasher.finish()
}

fn selectors(table: &mut Table) {
    let whole = FileSelector {
        name: Some("a.pdf".into()),
        content_type: Some("application/pdf".into()),
        size: Some(3),
        hash: Some(hash(b"abc")),
    };
    let text = "name:\"a.pdf\" type:application/pdf size:3 \
                hash:sha-1:A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D";
    table.is("002 FileSelector.__init__", whole.hash.as_ref().map(|hash| hash.digest.len()), Some(20));
    table.is("002 FileSelector.sdp_repr", whole.sdp_repr(), text.to_owned());
    table.is("002 FileSelector.parse", FileSelector::parse(text).as_ref(), Ok(&whole));
    let for_file = FileSelector::for_file("/home/alice/a.pdf", None, Some(3), Some(hash(b"abc")));
    table.is("002 FileSelector.for_file", for_file, whole);
}

fn chat(table: &mut Table) {
    let mut scene = Scene::new(StreamSpec::Chat(ChatSpec::default()));
    scene.run(1000);
    let send = |text| Command::Chat(ChatCommand::SendMessage(Box::new(ChatMessage::text("m001", text))));
    assert!(scene.command(ALICE, send("hello")));
    let refresh = Some(60);
    let last_active = Some(sipsimple_core::time::Utc { unix_millis: 1_291_803_480_000 });
    let composing =
        ChatCommand::SendComposingIndication { state: State::Active, refresh, last_active, recipients: Vec::new() };
    assert!(scene.command(ALICE, Command::Chat(composing)));
    scene.run(1000);
    let got = |wrapped: bool| {
        scene.told(BOB, |event| {
            matches!(event, StreamEvent::Chat(ChatEvent::GotMessage { message })
                if message.content == "hello" && message.cpim == wrapped)
        })
    };
    table.does("002 ChatStream.send_message", got(true));
    table.does("002 ChatStream.wraps_and_unwraps_cpim", got(true));
    let writes = scene.told(BOB, |event| {
        matches!(event, StreamEvent::Chat(ChatEvent::GotComposingIndication { state: State::Active, .. }))
    });
    table.does("002 ChatStream.send_composing_indication", writes);
    table.does("002 ChatStream.is_composing_in_and_out", writes);
    scene.over(table);
}

fn file(table: &mut Table) {
    let selector = FileSelector::for_file("a.txt", None, Some(5), Some(hash(b"hello")));
    let spec = FileTransferSpec { selector, sends: true, file: Some("a.txt".into()), offset: 0 };
    let mut scene = Scene::new(StreamSpec::FileTransfer(spec));
    scene.world.host_mut(ALICE).files.insert("a.txt".into(), b"hello".to_vec());
    let place = FileTransferCommand::SetFile("b.txt".into());
    assert!(scene.command(BOB, Command::FileTransfer(place)));
    scene.run(2000);
    table.is("002 FileTransferStream.__init__", scene.world.host(BOB).files.get("b.txt"), Some(&b"hello".to_vec()));
    let finished = |received| {
        let wanted = StreamEvent::FileTransfer(FileTransferEvent::DidFinish { received });
        move |event: &StreamEvent| *event == wanted
    };
    assert!(scene.told(ALICE, finished(false)) && scene.told(BOB, finished(true)));
    scene.over(table);
}

fn desktop(table: &mut Table) {
    let handler = DesktopSharingHandler::InternalViewer;
    table.does("002 IDesktopSharingHandler.type", handler.is_viewer());
    let mut scene = Scene::new(StreamSpec::DesktopSharing(DesktopSharingSpec { handler }));
    let server = DesktopSharingHandler::InternalServer;
    let replaced = scene.command(BOB, Command::DesktopSharing(DesktopSharingCommand::SetHandler(server)));
    table.does("002 DesktopSharingStream.handler", replaced);
    scene.run(1500);
    let send = |data: &'static [u8]| Command::DesktopSharing(DesktopSharingCommand::Send(data.into()));
    assert!(scene.command(ALICE, send(b"viewer")) && scene.command(BOB, send(b"server")));
    scene.run(1000);
    let got = |host, wanted: &'static [u8]| {
        scene.told(host, |event| {
            matches!(event, StreamEvent::DesktopSharing(DesktopSharingEvent::GotData { data }) if data == wanted)
        })
    };
    let (by_viewer, by_server) = (got(ALICE, b"server"), got(BOB, b"viewer"));
    table.does("002 DesktopSharingStream.__init__", by_viewer && by_server);
    table.does("002 DesktopSharingStream.incoming_queue", by_viewer);
    table.does("002 DesktopSharingStream.outgoing_queue", by_server);
    table.does("002 IDesktopSharingHandler.initialize", by_viewer && by_server);
    table.does("002 InternalVNCViewerHandler.send", by_server);
    table.does("002 InternalVNCServerHandler.send", by_viewer);
    scene.over(table);
}
