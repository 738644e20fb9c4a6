//! Two applications that call each other.

use std::path::Path;
use std::time::{Duration, Instant};

use sipsimple_core::agent::{AccountSpec, EventKind as AgentEvent, Intent, IntentError, TransportEvent};
use sipsimple_core::id::{AccountId, StreamId};
use sipsimple_core::msrp::{FileHash, FileSelector};
use sipsimple_core::session::SessionEvent;
use sipsimple_core::settings::kind::MsrpTransport;
use sipsimple_core::stream::{
    ChatCommand, ChatEvent, ChatMessage, ChatSpec, Command, FileTransferCommand, FileTransferEvent, FileTransferSpec,
    StreamError, StreamEvent, StreamSpec,
};
use sipsimple_core::transport::{Route, TlsConfig, TlsPolicy};
use sipsimple_drivers::{Application, ApplicationError, Event, EventKind, Settings};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Two applications, the second of which listens.
pub(crate) struct Pair {
    caller: Application,
    callee: Application,
    account: AccountId,
    route: Route,
}

fn start(certificate: Option<&Path>) -> (Application, AccountId) {
    let mut settings = Settings::listening(["tcp:127.0.0.1:0".parse().expect("a socket")]);
    if let Some(certificate) = certificate {
        settings.tls.identities.insert("own".into(), certificate.into());
        let identity = Some("own".into());
        settings.config.tls = Some(TlsConfig { identity, servers: TlsPolicy::None, ..TlsConfig::default() });
    }
    let application = Application::start(settings).expect("an application");
    let mut account = AccountSpec::new("sip:somebody@127.0.0.1");
    account.msrp.transport = if certificate.is_some() { MsrpTransport::Tls } else { MsrpTransport::Tcp };
    let account = application.add_account_spec(account).expect("an account");
    (application, account)
}

fn next(application: &Application) -> Event {
    application.next_event_within(PATIENCE).expect("something happens")
}

impl Pair {
    pub(crate) fn new(certificate: Option<&std::path::PathBuf>) -> Self {
        let certificate = certificate.map(std::path::PathBuf::as_path);
        let ((caller, account), (callee, _)) = (start(certificate), start(certificate));
        loop {
            if let EventKind::Agent(AgentEvent::Transport {
                event: TransportEvent::Listening { transport, local },
                ..
            }) = next(&callee).kind
            {
                let route = Route::new(transport, local);
                return Self { caller, callee, account, route };
            }
        }
    }

    fn call(&self, spec: StreamSpec) {
        let to = format!("sip:somebody@{}", self.route.address);
        self.caller.connect(self.account, &to, &[self.route], &[spec]).expect("a session");
    }

    /// Ends what goes on, on both sides.
    fn end(&self) {
        let ids = self.caller.with_agent(|agent, _| agent.sessions()).expect("it runs");
        for session in ids {
            // It may have ended by itself.
            let _ = self.caller.end(session);
        }
        for application in [&self.caller, &self.callee] {
            while !matches!(next(application).session(), Some((_, SessionEvent::DidEnd { .. }))) {}
        }
    }

    /// How long it takes to send a file, from the first byte to the last report. Without a place it is thrown away where it comes.
    pub(crate) fn transfer(&self, file: &Path, size: u64, hash: Option<FileHash>, place: Option<&Path>) -> Duration {
        let path = file.display().to_string();
        let selector = FileSelector::for_file(&path, None, Some(size), hash);
        let spec =
            FileTransferSpec { selector, sends: true, file: Some(path.as_str().into()), ..FileTransferSpec::default() };
        self.call(StreamSpec::FileTransfer(spec));
        let time = std::thread::scope(|scope| {
            scope.spawn(|| self.receive(place));
            let mut begun = None;
            loop {
                match next(&self.caller).stream() {
                    Some((_, StreamEvent::DidStart { .. })) => begun = Some(Instant::now()),
                    Some((_, StreamEvent::FileTransfer(FileTransferEvent::DidFinish { .. }))) => {
                        break begun.map_or(Duration::ZERO, |begun| begun.elapsed());
                    }
                    Some((_, StreamEvent::FileTransfer(FileTransferEvent::DidNotFinish { reason, .. }))) => {
                        panic!("{reason}")
                    }
                    _ => {}
                }
            }
        });
        self.end();
        if let Some(place) = place {
            std::fs::remove_file(place).expect("it has come");
        }
        time
    }

    fn receive(&self, place: Option<&Path>) {
        loop {
            let event = next(&self.callee);
            if let Some((session, SessionEvent::NewIncoming { streams, .. })) = event.session() {
                if let Some(place) = place {
                    let command = FileTransferCommand::SetFile(place.display().to_string().as_str().into());
                    self.command(&self.callee, streams[0], Command::FileTransfer(command)).expect("it has not begun");
                }
                self.callee.accept(session, streams).expect("it rings");
            }
            match event.stream() {
                Some((id, StreamEvent::FileTransfer(FileTransferEvent::GotChunk { content, .. })))
                    if !content.is_empty() =>
                {
                    let command = Command::FileTransfer(FileTransferCommand::Taken(content.len() as u64));
                    self.command(&self.callee, id, command).expect("it goes on");
                }
                Some((_, StreamEvent::FileTransfer(FileTransferEvent::DidFinish { .. }))) => return,
                _ => {}
            }
        }
    }

    fn command(&self, of: &Application, stream: StreamId, command: Command) -> Result<(), ApplicationError> {
        of.intend(Intent::Stream { stream, command }).map(drop)
    }

    /// How long it takes until so many short messages are reported.
    pub(crate) fn chat(&self, messages: u64) -> Duration {
        self.call(StreamSpec::Chat(ChatSpec::default()));
        let time = std::thread::scope(|scope| {
            scope.spawn(|| self.listen(messages));
            let mut chat = None;
            while chat.is_none() {
                if let Some((id, StreamEvent::DidStart { .. })) = next(&self.caller).stream() {
                    chat = Some(id);
                }
            }
            let (begun, id) = (Instant::now(), chat.expect("it has started"));
            let (mut said, mut delivered) = (0, 0);
            while delivered < messages {
                let mut full = said == messages;
                while !full && said < messages {
                    let message =
                        ChatMessage::text(format!("message-{said}"), "Would you like to have lunch with me, Bob");
                    let command = Command::Chat(ChatCommand::SendMessage(Box::new(message)));
                    match self.command(&self.caller, id, command) {
                        Ok(()) => said += 1,
                        Err(ApplicationError::Intent(IntentError::Stream(StreamError::Full(_)))) => full = true,
                        Err(error) => panic!("{error}"),
                    }
                }
                match next(&self.caller).stream() {
                    Some((_, StreamEvent::Chat(ChatEvent::DidDeliverMessage { .. }))) => delivered += 1,
                    Some((_, StreamEvent::Chat(ChatEvent::DidNotDeliverMessage { reason, .. }))) => panic!("{reason}"),
                    _ => {}
                }
            }
            begun.elapsed()
        });
        self.end();
        time
    }

    fn listen(&self, messages: u64) {
        let mut got = 0;
        while got < messages {
            let event = next(&self.callee);
            if let Some((session, SessionEvent::NewIncoming { streams, .. })) = event.session() {
                self.callee.accept(session, streams).expect("it rings");
            }
            if let Some((_, StreamEvent::Chat(ChatEvent::GotMessage { .. }))) = event.stream() {
                got += 1;
            }
        }
    }
}
