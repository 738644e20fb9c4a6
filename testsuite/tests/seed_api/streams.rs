//! What a media stream of an application's own is asked, in which order: streams that note it down.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use sipsimple_core::agent::{AccountSpec, Agent, Config};
use sipsimple_core::negotiation::{Description, Formats, Proposed};
use sipsimple_core::outbox::Outbox;
use sipsimple_core::sdp::Direction;
use sipsimple_core::session::{Originator, SessionEvent};
use sipsimple_core::sip::Text;
use sipsimple_core::stream::{
    Agreement, Command, Context, Input, MediaStream, Output, Recognized, Registry, SessionInfo, StreamError,
    StreamFactory, StreamSpec,
};

use super::sessions::{ALICE, BOB, Call};
use super::table::Table;

const KIND: &str = "notes";
const PRIORITY: i32 = 7;
const PORT: u16 = 4000;
/// The command after which the stream's port is another.
const MOVE: &str = "move";

/// What all streams of a host were asked, in order.
type Log = Arc<Mutex<Vec<&'static str>>>;

#[derive(Clone, Debug, Default)]
struct Notes {
    log: Log,
}

#[derive(Debug)]
struct Noting {
    log: Log,
    port: u16,
    held: bool,
    held_by_remote: bool,
}

impl Notes {
    /// What was noted since this was asked last.
    fn take(&self) -> Vec<&'static str> {
        std::mem::take(&mut self.log.lock().unwrap())
    }

    fn stream(&self, made: &'static str) -> Box<Noting> {
        self.log.lock().unwrap().push(made);
        Box::new(Noting { log: Arc::clone(&self.log), port: PORT, held: false, held_by_remote: false })
    }
}

impl StreamFactory for Notes {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn priority(&self) -> i32 {
        PRIORITY
    }

    fn create(&self, _: &Config, _: &SessionInfo, _: &StreamSpec) -> Result<Box<dyn MediaStream>, Text> {
        Ok(self.stream("create"))
    }

    fn recognize(&self, _: &Config, _: &SessionInfo, offered: &Proposed<'_>) -> Recognized {
        match offered.media.media_type() {
            KIND => Recognized::Stream(self.stream("recognize")),
            _ => Recognized::Unknown,
        }
    }
}

impl Noting {
    fn note(&self, what: &'static str) {
        self.log.lock().unwrap().push(what);
    }
}

impl MediaStream for Noting {
    fn kind(&self) -> &'static str {
        KIND
    }

    fn hold_supported(&self) -> bool {
        true
    }

    fn on_hold_by_local(&self) -> bool {
        self.held
    }

    fn on_hold_by_remote(&self) -> bool {
        self.held_by_remote
    }

    fn initialize(&mut self, _: &mut Context<'_>, proposer: Originator, out: &mut Outbox<Output>) {
        self.note(if proposer == Originator::Local { "initialize outgoing" } else { "initialize incoming" });
        out.push(Output::Initialized);
    }

    fn local_media(&mut self, _: &mut Context<'_>, offered: Option<&Proposed<'_>>) -> Description {
        self.note(if offered.is_none() { "offer" } else { "answer" });
        let direction = if self.held { Direction::SendOnly } else { Direction::SendRecv };
        let formats = Formats::Opaque(vec![Text::from_static("*")]);
        Description { direction, ..Description::new(KIND, "udp", self.port, formats) }
    }

    fn start(&mut self, _: &mut Context<'_>, agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        assert_eq!((agreement.slot, agreement.remote_media().map(|media| media.port())), (0, Some(PORT)));
        self.note("start");
        out.push(Output::Started(None));
    }

    fn validate_update(&self, offered: &Proposed<'_>) -> Result<(), Text> {
        self.note("validate_update");
        if offered.media.port() == PORT { Ok(()) } else { Err("it has moved".into()) }
    }

    fn update(&mut self, _: &mut Context<'_>, agreement: &Agreement<'_>, _: &mut Outbox<Output>) {
        self.note("update");
        self.held_by_remote = !agreement.media.remote_direction.receives();
    }

    fn hold(&mut self, _: &mut Context<'_>, _: &mut Outbox<Output>) {
        self.note("hold");
        self.held = true;
    }

    fn unhold(&mut self, _: &mut Context<'_>, _: &mut Outbox<Output>) {
        self.note("unhold");
        self.held = false;
    }

    fn deactivate(&mut self, _: &mut Context<'_>) {
        self.note("deactivate");
    }

    fn end(&mut self, _: &mut Context<'_>, out: &mut Outbox<Output>) {
        self.note("end");
        out.push(Output::Ended);
    }

    fn input(&mut self, _: &mut Context<'_>, _: Input, _: &mut Outbox<Output>) {}

    fn command(&mut self, cx: &mut Context<'_>, command: &Command, _: &mut Outbox<Output>) -> Result<(), StreamError> {
        let Command::Custom { name, .. } = command else { return Err(StreamError::Unsupported(cx.stream)) };
        assert_eq!(*name, *MOVE);
        self.port = PORT + 2;
        Ok(())
    }
}

pub(crate) fn scenarios(table: &mut Table) {
    registry(table);
    let notes = [Notes::default(), Notes::default()];
    let spec = StreamSpec::Custom { kind: KIND.into(), data: Bytes::new() };
    let register = |number: usize, agent: &mut Agent| agent.register_stream(Arc::new(notes[number].clone()));
    let mut call = Call::with_streams(&AccountSpec::default(), &[spec], register);
    let row = |name: &str| format!("002 IMediaStream.{name}");
    let asked = notes[ALICE].take();
    table.is(&row("__init__"), asked[0], "create");
    table.is(&row("initialize"), asked[1], "initialize outgoing");
    table.is(&row("get_local_media"), &asked[2..], &["offer"]);
    let asked = notes[BOB].take();
    table.is(&row("new_from_sdp"), asked, vec!["recognize"]);
    call = call.accepted();
    assert_eq!(notes[BOB].take(), ["initialize incoming", "answer", "start"]);
    table.is(&row("start"), notes[ALICE].take(), vec!["start"]);
    let kind = call.with(ALICE, |session| session.stream(session.streams()[0]).unwrap().kind().to_owned());
    table.is(&row("type"), &*kind, KIND);
    let supported = call.with(ALICE, |session| session.stream(session.streams()[0]).unwrap().hold_supported());
    table.is(&row("hold_supported"), supported, true);
    hold(table, &mut call, &notes);
    updates(table, &mut call, &notes);
    call.with(ALICE, |mut session| session.end()).unwrap();
    table.is(&row("deactivate"), notes[ALICE].take(), vec!["deactivate", "end"]);
    table.is(&row("end"), notes[BOB].take(), vec!["deactivate", "end"]);
    call.over(table);
}

fn registry(table: &mut Table) {
    let mut registry = Registry::default();
    let kinds = |registry: &Registry| registry.iter().map(|known| known.kind().to_owned()).collect::<Vec<_>>();
    let built_in = ["file-transfer", "audio", "chat", "desktop-sharing"];
    table.is("002 MediaStreamRegistry.__init__", kinds(&registry), built_in.map(str::to_owned).to_vec());
    registry.add(Arc::new(Notes::default()));
    table.does("002 MediaStreamRegistry.add", registry.get(KIND).is_some());
    let priorities: Vec<i32> = registry.iter().map(|known| known.priority()).collect();
    table.is("002 IMediaStream.priority", priorities.clone(), vec![10, PRIORITY, 1, 1, 1]);
    table.does("002 MediaStreamRegistry.__iter__", priorities.is_sorted_by(|one, next| one >= next));
    let mut call = Call::with_streams(&AccountSpec::default(), &[audio()], |_, agent| {
        agent.register_stream(Arc::new(Notes::default()));
    });
    let registered = call.world.with(BOB, |agent, _| agent.streams().get(KIND).map(StreamFactory::priority));
    table.is("002 MediaStreamRegistrar.registers_application_streams", registered, Some(PRIORITY));
    call.with(ALICE, |mut session| session.end()).unwrap();
    call.over(table);
}

fn audio() -> StreamSpec {
    StreamSpec::Audio(sipsimple_core::stream::AudioSpec::default())
}

fn hold(table: &mut Table, call: &mut Call, notes: &[Notes; 2]) {
    let held = |call: &mut Call| {
        [ALICE, BOB].map(|host| {
            call.with(host, |session| {
                let stream = session.stream(session.streams()[0]).unwrap();
                (stream.on_hold_by_local(), stream.on_hold_by_remote(), stream.on_hold())
            })
        })
    };
    call.with(ALICE, |mut session| session.hold()).unwrap();
    table.is("002 IMediaStream.hold", notes[ALICE].take(), vec!["hold", "offer", "update"]);
    let [at_alice, at_bob] = held(call);
    table.is("002 IMediaStream.on_hold_by_local", (at_alice.0, at_bob.0), (true, false));
    table.is("002 IMediaStream.on_hold_by_remote", (at_alice.1, at_bob.1), (false, true));
    table.is("002 IMediaStream.on_hold", (at_alice.2, at_bob.2), (true, true));
    call.with(ALICE, |mut session| session.unhold()).unwrap();
    table.is("002 IMediaStream.unhold", notes[ALICE].take(), vec!["unhold", "offer", "update"]);
    assert_eq!(held(call), [(false, false, false); 2]);
    let once = ["validate_update", "answer", "update"];
    table.is("002 IMediaStream.update", notes[BOB].take(), [once, once].concat());
}

/// Alice offers a port that Bob's stream does not like: all goes on as it was.
fn updates(table: &mut Table, call: &mut Call, notes: &[Notes; 2]) {
    let stream = call.with(ALICE, |session| session.streams()[0]);
    let moving = Command::Custom { name: MOVE.into(), data: Bytes::new() };
    call.with(ALICE, |mut session| session.command(stream, moving)).unwrap();
    call.with(ALICE, |mut session| session.add_streams(&[audio()])).unwrap();
    table.is("002 IMediaStream.validate_update", notes[BOB].take(), vec!["validate_update"]);
    let refused = call.news(ALICE).any(|(_, news)| matches!(news, SessionEvent::GotRejectProposal { code: 488, .. }));
    assert!(refused);
    assert_eq!(notes[ALICE].take(), ["offer"]);
}
