//! Chats, file transfers and desktop sharing, as they should go.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;

use sipsimple_core::agent::{AccountSpec, Agent, Config, EventKind, Intent, MsrpAccount, Outcome};
use sipsimple_core::id::{AccountId, ConnId, SessionId, StreamId};
use sipsimple_core::msrp::{FileHasher, FileSelector, HashAlgorithm};
use sipsimple_core::payload::composing::State;
use sipsimple_core::settings::kind::MsrpTransport;
use sipsimple_core::stream::{
    ChatCommand, ChatEvent, ChatMessage, ChatSpec, ChatStream, Command, DesktopSharingCommand, DesktopSharingEvent,
    DesktopSharingHandler, DesktopSharingSpec, DesktopSharingStream, FileTransferCommand, FileTransferEvent,
    FileTransferSpec, FileTransferStream, StreamEvent, StreamSpec,
};
use sipsimple_core::transport::{Route, Transport};
use sipsimple_testsuite::application::{Answering, Application, Idle};
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::script::{Script, Turn, Way};
use sipsimple_testsuite::world::World;

use super::accounts;
use super::sessions::{ALICE, BOB};
use super::table::Table;

pub(crate) fn scenarios(table: &mut Table) {
    profiles(table);
    selectors(table);
    chat(table);
    file(table);
    desktop(table);
    external(table);
}

pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) session: SessionId,
}

impl Scene {
    /// Alice has called Bob, who answers soon.
    pub(crate) fn new(stream: StreamSpec) -> Self {
        Self::with(stream, [Config::default(), Config::default()])
    }

    /// The same, with these configurations.
    pub(crate) fn with(stream: StreamSpec, configs: [Config; 2]) -> Self {
        let mut world = World::new(1, Faults::none());
        for (number, (name, config)) in ["alice", "bob"].into_iter().zip(configs).enumerate() {
            let application: Box<dyn Application> =
                if number == ALICE { Box::new(Idle) } else { Box::new(Answering::after(Duration::from_millis(500))) };
            world.add(config, application);
            let msrp = MsrpAccount { transport: MsrpTransport::Tcp, ..MsrpAccount::default() };
            let spec =
                AccountSpec { msrp, ..AccountSpec::new(format!("sip:{name}@{}", world.host(number).addresses[0])) };
            world.with(number, |agent, now| agent.intend(now, Intent::AddAccount(spec))).unwrap();
        }
        world.run_for(Duration::from_millis(1));
        let route = Route::new(Transport::Udp, world.address(BOB));
        let to = format!("sip:bob@{}", route.address).as_str().into();
        let intent = Intent::Connect {
            account: AccountId::from_u64(0),
            to,
            routes: vec![route],
            streams: vec![stream],
            late_offer: false,
        };
        let outcome = world.with(ALICE, |agent, now| agent.intend(now, intent)).unwrap();
        let Outcome::Session(session) = outcome else { panic!("{outcome:?}") };
        let mut scene = Self { world, session };
        scene.run(200);
        scene
    }

    pub(crate) fn run(&mut self, millis: u64) {
        self.world.run_for(Duration::from_millis(millis));
    }

    pub(crate) fn command(&mut self, host: usize, command: Command) -> bool {
        self.command_on(host, 0, command)
    }

    fn command_on(&mut self, host: usize, stream: u64, command: Command) -> bool {
        let intent = Intent::Stream { stream: StreamId::from_u64(stream), command };
        self.world.with(host, |agent, now| agent.intend(now, intent)).is_ok()
    }

    /// Whether a host was told something like this.
    pub(crate) fn told(&self, host: usize, like: impl Fn(&StreamEvent) -> bool) -> bool {
        self.world.host(host).events.iter().any(|(_, event)| match &event.kind {
            EventKind::Stream { event, .. } => like(event),
            _ => false,
        })
    }

    pub(crate) fn over(mut self, table: &mut Table) {
        let session = self.session;
        self.world.with(ALICE, |agent, now| agent.session(now, session).unwrap().end()).unwrap();
        assert!(self.world.run_until_quiescent(Duration::from_secs(300)));
        accounts::hear(table, &self.world);
    }
}

pub(crate) fn hash(data: &[u8]) -> sipsimple_core::msrp::FileHash {
    let mut hasher = FileHasher::new(HashAlgorithm::Sha1);
    hasher.update(data);
    hasher.finish()
}

fn profiles(table: &mut Table) {
    let (chat, file, desktop) = (ChatStream::PROFILE, FileTransferStream::PROFILE, DesktopSharingStream::PROFILE);
    let all = [chat, file, desktop];
    table.is("002 MSRPStreamBase.media_type", all.map(|of| of.media_type), ["message", "message", "application"]);
    let accepted = ["message/cpim text/* application/im-iscomposing+xml", "*", "application/x-rfb"];
    table.is("002 MSRPStreamBase.accept_types", all.map(|of| of.accept_types.join(" ")), accepted.map(String::from));
    let wrapped = all.map(|of| of.accept_wrapped_types.join(" "));
    table.is("002 MSRPStreamBase.accept_wrapped_types", wrapped, ["*", "", ""].map(String::from));
    table.is("002 MSRPStreamBase.use_msrp_session", all.map(|of| of.use_msrp_session), [true, true, false]);
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
    assert!(scene.command(ALICE, say("m001", "hello")));
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
    second_chat(table, &mut scene);
    scene.over(table);
}

fn say(id: &str, text: &str) -> Command {
    Command::Chat(ChatCommand::SendMessage(Box::new(ChatMessage::text(id, text))))
}

/// As seed 000 speaks of it: a chat is added to a session, and removed.
fn second_chat(table: &mut Table, scene: &mut Scene) {
    let session = scene.session;
    let chat = |scene: &mut Scene| {
        scene.world.with(ALICE, |agent, now| {
            let session = agent.session(now, session).unwrap();
            (session.has_chat(), session.chat_transport())
        })
    };
    let first = StreamId::from_u64(0);
    table.is("000 Session.chat_transport", chat(scene).1, Some(first));
    let remove = |agent: &mut Agent, now| agent.session(now, session).unwrap().remove_streams(&[first]);
    scene.world.with(ALICE, remove).unwrap();
    scene.run(1000);
    table.is("000 Session.remove_chat", chat(scene), (false, None));
    let spec = StreamSpec::Chat(ChatSpec::default());
    let added =
        scene.world.with(ALICE, |agent, now| agent.session(now, session).unwrap().add_streams(&[spec])).unwrap()[0];
    scene.run(500);
    let theirs = scene.world.with(BOB, |agent, _| agent.sessions()[0]);
    scene.world.with(BOB, |agent, now| {
        let mut session = agent.session(now, theirs).unwrap();
        let proposed = session.proposed_streams().unwrap();
        session.accept_proposal(&proposed).unwrap();
    });
    scene.run(2000);
    table.is("000 Session.add_chat", chat(scene).1, Some(added));
    table.is("000 Session.has_chat", chat(scene).0, true);
    assert!(scene.command_on(ALICE, added.as_u64(), say("m002", "again")));
    scene.run(1000);
    let got = scene.told(
        BOB,
        |event| matches!(event, StreamEvent::Chat(ChatEvent::GotMessage { message }) if message.content == "again"),
    );
    table.does("000 Session.send_message", got);
}

fn file(table: &mut Table) {
    let selector = FileSelector::for_file("a.txt", None, Some(5), Some(hash(b"hello")));
    let spec = FileTransferSpec {
        selector,
        sends: true,
        file: Some("a.txt".into()),
        offset: 0,
        ..FileTransferSpec::default()
    };
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

/// A server or a viewer: says its line on every connection, and sends back what comes.
struct Line(&'static [u8]);

impl Script for Line {
    fn got(&mut self, _: &Letter, _: &mut Turn) {}

    fn data(&mut self, way: Way, data: &Bytes, turn: &mut Turn) {
        if !data.starts_with(b"echo ") {
            turn.send(way, [b"echo ", data.as_ref()].concat());
        }
    }

    fn opened(&mut self, conn: ConnId, _: SocketAddr, turn: &mut Turn) {
        turn.send(Way::Stream(conn), self.0);
    }
}

/// A VNC viewer and a server, neither of which is part of the application.
fn external(table: &mut Table) {
    let connect_timeout = DesktopSharingHandler::CONNECT_TIMEOUT;
    let viewer = DesktopSharingHandler::ExternalViewer { address: "10.0.0.1:0".parse().unwrap(), connect_timeout };
    let mut scene = Scene::new(StreamSpec::DesktopSharing(DesktopSharingSpec { handler: viewer }));
    let address = "10.9.0.1:5900".parse().unwrap();
    scene.world.add_script(address, Line(b"server"));
    let server = DesktopSharingHandler::ExternalServer { address, connect_timeout };
    assert!(scene.command(BOB, Command::DesktopSharing(DesktopSharingCommand::SetHandler(server))));
    scene.run(1500);
    let listens = scene.world.host(ALICE).events.iter().find_map(|(_, event)| match &event.kind {
        EventKind::Stream {
            event: StreamEvent::DesktopSharing(DesktopSharingEvent::Listening { address }), ..
        } => Some(*address),
        _ => None,
    });
    let listens = listens.unwrap();
    table.is("002 ExternalVNCViewerHandler.address", listens.ip(), scene.world.host(ALICE).addresses[0]);
    let seen = Rc::new(RefCell::new(Vec::new()));
    let post = scene.world.add_script("10.9.0.2:1".parse().unwrap(), Seen(Rc::clone(&seen)));
    scene.world.post_open(post, listens);
    scene.run(1500);
    let got = String::from_utf8(seen.borrow().clone()).unwrap();
    // The server spoke first, before anybody viewed; then it answered the viewer.
    table.is("002 ExternalVNCViewerHandler.__init__", got.starts_with("server"), true);
    table.is("002 ExternalVNCServerHandler.__init__", got.as_str(), "serverecho viewer");
    scene.over(table);
}

/// A viewer that keeps what comes.
struct Seen(Rc<RefCell<Vec<u8>>>);

impl Script for Seen {
    fn got(&mut self, _: &Letter, _: &mut Turn) {}

    fn data(&mut self, _: Way, data: &Bytes, _: &mut Turn) {
        self.0.borrow_mut().extend_from_slice(data);
    }

    fn opened(&mut self, conn: ConnId, _: SocketAddr, turn: &mut Turn) {
        turn.send(Way::Stream(conn), &b"viewer"[..]);
    }
}
