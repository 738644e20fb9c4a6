//! What the line of a file transfer says (RFC 5547), and what becomes of a transfer when the peer offers it once more. The MSRP session is told, not
//! run.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

use std::any::Any;

use bytes::Bytes;

use super::*;
use crate::config::{self, Config};
use crate::id::{AccountId, SessionId, StreamId};
use crate::msrp::{Endpoint, Event, FailureReport, FileDates, FileDisposition, FileIcon, Path};
use crate::negotiation::{Agreed, Description, LocalAnswer, LocalMedia, Negotiator, Origin};
use crate::random::{Random, Seed};
use crate::sdp::Session;
use crate::settings::kind::MsrpTransport;
use crate::sip::NameAddr;
use crate::stream::{Input, MediaStream, Originator, Registry, SessionInfo, StreamSpec};
use crate::time::{Instant, Utc};

const SELECTOR: &str =
    "name:\"a.txt\" type:text/plain size:11 hash:sha-1:2A:AE:6C:35:C9:4F:CF:B4:15:DB:E9:5F:40:8B:9C:E9:1E:E8:46:ED";

/// A file transfer on its own, with the descriptions of its session.
struct Desk {
    config: Config,
    random: Random,
    info: SessionInfo,
    msrp: Endpoint,
    negotiator: Negotiator,
    stream: Box<dyn MediaStream>,
    started: bool,
    said: Vec<Output>,
}

fn line(way: &str, selector: &str, more: &str) -> String {
    format!(
        "m=message 2855 TCP/MSRP *\r\na={way}\r\na=path:msrp://192.0.2.2:2855/abc;tcp\r\na=accept-types:*\r\na=setup:active\r\n\
         a=file-selector:{selector}\r\n{more}"
    )
}

fn offer(line: &str) -> String {
    format!("v=0\r\no=- 9 9 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n{line}")
}

fn id(id: &str) -> String {
    format!("a=file-transfer-id:{id}\r\n")
}

fn origin() -> Origin {
    Origin { username: "-".into(), session_id: 7, address: "192.0.2.1".parse().unwrap() }
}

fn info() -> SessionInfo {
    let name = NameAddr::parse(&"sip:alice@192.0.2.1".into()).unwrap();
    let mut info = SessionInfo::new(SessionId::from_u64(0), AccountId::from_u64(0), name.clone(), name);
    info.local = "192.0.2.1".parse().unwrap();
    info.settings.msrp.transport = MsrpTransport::Tcp;
    info
}

impl Desk {
    fn new(stream: Box<dyn MediaStream>, negotiator: Negotiator) -> Self {
        let (config, info) = (Config::default(), info());
        let random = Random::new(&Seed::from_u64(1));
        Self { config, random, info, msrp: Endpoint::new(), negotiator, stream, started: false, said: Vec::new() }
    }

    /// The peer offers; none if no file transfer comes of it.
    fn offered(line: &str) -> Option<Self> {
        let offer = Session::parse(offer(line).as_bytes(), &Config::default().limits).unwrap();
        let mut negotiator = Negotiator::new(origin(), "test".into());
        let proposal = negotiator.remote_offer(&offer).unwrap();
        let stream = Registry::default().recognize(&Config::default(), &info(), &proposal.slots[0], &[])?;
        assert_eq!(stream.kind(), "file-transfer");
        let mut desk = Self::new(stream, negotiator);
        desk.call(|stream, cx, out| stream.initialize(cx, Originator::Remote, out));
        if !desk.file().sends() {
            desk.want(FileTransferCommand::SetFile("here".into())).unwrap();
        }
        Some(desk)
    }

    /// This side offers.
    fn offers(spec: FileTransferSpec) -> Self {
        let spec = StreamSpec::FileTransfer(spec);
        let stream = Registry::default().create(&Config::default(), &info(), &spec).unwrap();
        let mut desk = Self::new(stream, Negotiator::new(origin(), "test".into()));
        desk.call(|stream, cx, out| stream.initialize(cx, Originator::Local, out));
        desk
    }

    fn call<T>(&mut self, act: impl FnOnce(&mut dyn MediaStream, &mut Context<'_>, &mut Outbox<Output>) -> T) -> T {
        let mut cx = config::Context {
            now: Instant::ZERO,
            utc: Utc::default(),
            random: &mut self.random,
            config: &self.config,
            msrp: &mut self.msrp,
        };
        let mut cx = Context::new(&mut cx, &self.info, StreamId::from_u64(7));
        let mut out = Outbox::new();
        let result = act(&mut *self.stream, &mut cx, &mut out);
        self.said.extend(std::iter::from_fn(|| out.pop()));
        result
    }

    fn file(&self) -> &FileTransferStream {
        let stream: &dyn Any = &*self.stream;
        stream.downcast_ref().unwrap()
    }

    fn want(&mut self, command: FileTransferCommand) -> Result<(), StreamError> {
        self.call(|stream, cx, out| stream.command(cx, &Command::FileTransfer(command), out))
    }

    /// Our answer to the offer that waits, or to this one; none when it is refused as a whole.
    fn answer(&mut self, again: Option<&str>) -> Option<String> {
        if let Some(line) = again {
            let offer = Session::parse(offer(line).as_bytes(), &self.config.limits).unwrap();
            self.negotiator.remote_offer(&offer).unwrap();
        }
        let negotiator = std::mem::replace(&mut self.negotiator, Negotiator::new(origin(), "test".into()));
        let proposal = negotiator.proposal().unwrap();
        let description = self.call(|stream, cx, _| stream.local_media(cx, Some(&proposal.slots[0])));
        drop(proposal);
        self.negotiator = negotiator;
        let (answer, agreed) = self.negotiator.local_answer(&[LocalAnswer::Accept(0, description)]).ok()?;
        self.agree(&agreed);
        Some(answer.to_string())
    }

    fn agree(&mut self, agreed: &Agreed) {
        let (local, remote) = (self.negotiator.local().unwrap().clone(), self.negotiator.remote().unwrap().clone());
        let media = agreed.slot(0).unwrap();
        let started = std::mem::replace(&mut self.started, true);
        self.call(|stream, cx, out| {
            let agreement = Agreement { slot: 0, media, local: &local, remote: &remote };
            if started { stream.update(cx, &agreement, out) } else { stream.start(cx, &agreement, out) }
        });
    }

    fn description(&mut self) -> Description {
        self.call(|stream, cx, _| stream.local_media(cx, None))
    }

    fn tell(&mut self, event: Event) {
        self.call(|stream, cx, out| stream.input(cx, Input::Msrp(event), out));
    }

    fn reply(&mut self, answer: FileAnswer) {
        self.call(|stream, cx, out| stream.input(cx, Input::Answer { number: 0, answer }, out));
    }

    /// A piece of the message with this name came, which ends a chunk, and the message perhaps.
    fn piece(&mut self, message: &str, at: u64, data: &'static [u8], whole: bool) {
        let from: Path = "msrp://192.0.2.2:2855/abc;tcp".parse().unwrap();
        let wish = Wish { id: message.into(), from: from.into(), success: true, failure: FailureReport::Yes };
        let (content_type, data) = ("text/plain".into(), Bytes::from_static(data));
        let bytes = at + data.len() as u64;
        self.tell(Event::Piece { wish: wish.clone(), content_type, at, total: None, data });
        self.tell(Event::ChunkEnded { wish, bytes, total: None, whole });
    }

    /// What it has told and asked since this was asked last, in short words.
    fn words(&mut self) -> Vec<String> {
        let word = |output: Output| match output {
            Output::Event(StreamEvent::FileTransfer(event)) => Some(match event {
                FileTransferEvent::GotChunk { transferred_bytes, .. } => format!("got {transferred_bytes}"),
                FileTransferEvent::DidFinish { .. } => "finished".to_owned(),
                FileTransferEvent::DidNotFinish { reason, .. } => reason.to_string(),
                other => format!("{other:?}"),
            }),
            Output::Ask { question: FileQuestion::Write { at, data, .. }, .. } => {
                Some(format!("write {at}+{}", data.len()))
            }
            Output::Ask { question: FileQuestion::Read { at, len, .. }, .. } => Some(format!("read {at}+{len}")),
            _ => None,
        };
        std::mem::take(&mut self.said).into_iter().filter_map(word).collect()
    }
}

fn has(description: &Description, name: &str) -> Option<String> {
    let found = description.attributes.iter().find(|attribute| attribute.name == name)?;
    found.value.as_deref().map(str::to_owned)
}

#[test]
fn a_sender_describes_its_file() {
    let date = Utc::parse_rfc5322("Mon, 15 May 2006 15:01:31 +0300");
    let icon = FileIcon { content_type: "image/png".into(), content: Bytes::from_static(b"tiny") };
    let mut desk = Desk::offers(FileTransferSpec {
        selector: FileSelector::parse(SELECTOR).unwrap(),
        sends: true,
        file: Some("a".into()),
        offset: 4,
        end: Some(9),
        details: Box::new(FileDetails {
            disposition: FileDisposition::Attachment,
            dates: FileDates { creation: date, ..FileDates::default() },
            icon: Some(icon),
        }),
    });
    let first = desk.description();
    assert_eq!(has(&first, "file-selector").as_deref(), Some(SELECTOR));
    assert_eq!(has(&first, "file-transfer-id").map(|id| id.len()), Some(32));
    assert_eq!(has(&first, "file-disposition").as_deref(), Some("attachment"));
    assert_eq!(has(&first, "file-date").as_deref(), Some("creation:\"Mon, 15 May 2006 12:01:31 +0000\""));
    assert_eq!(has(&first, "file-range").as_deref(), Some("5-9"));
    let url = has(&first, "file-icon").unwrap();
    let [part] = &*desk.stream.attached() else { panic!("one part") };
    assert_eq!(Some(format!("cid:{}", part.content_id().unwrap())), Some(url));
    assert_eq!((part.field("Content-Disposition"), part.body.as_ref()), (Some("icon"), b"tiny".as_slice()));
    // Offered once more it is the same transfer, and the icon is not sent again.
    desk.negotiator.local_offer(&[LocalMedia::New(first.clone())]).unwrap();
    let answer = line("recvonly", SELECTOR, "a=file-range:5-9\r\n").replace("active", "passive");
    let answer = Session::parse(offer(&answer).as_bytes(), &desk.config.limits).unwrap();
    let agreed = desk.negotiator.remote_answer(&answer).unwrap();
    desk.agree(&agreed);
    let again = desk.description();
    assert_eq!(has(&again, "file-transfer-id"), has(&first, "file-transfer-id"));
    assert_eq!((has(&again, "file-icon"), desk.stream.attached().len()), (None, 0));
}

#[test]
fn an_icon_that_is_too_large_is_not_offered() {
    let content = Bytes::from(vec![0; Config::default().limits.icon_bytes + 1]);
    let icon = Some(FileIcon { content_type: "image/png".into(), content });
    let selector = FileSelector::parse(SELECTOR).unwrap();
    let details = Box::new(FileDetails { icon, ..FileDetails::default() });
    let spec =
        FileTransferSpec { selector, sends: true, file: Some("a".into()), details, ..FileTransferSpec::default() };
    let made = Registry::default().create(&Config::default(), &info(), &StreamSpec::FileTransfer(spec));
    assert_eq!(made.err().as_deref(), Some("the icon is too large"));
}

#[test]
fn a_receiver_repeats_what_selects_the_file_and_nothing_else() {
    let more = format!(
        "{}a=file-disposition:attachment\r\na=file-date:read:\"Mon, 15 May 2006 15:01:31 +0300\"\r\na=file-icon:cid:x\r\na=file-range:1-*\r\n",
        id("one")
    );
    let mut desk = Desk::offered(&line("sendonly", SELECTOR, &more)).unwrap();
    assert_eq!(desk.file().details().disposition, FileDisposition::Attachment);
    assert_eq!(desk.file().details().dates.read, Utc::parse_rfc5322("15 May 2006 12:01:31 +0000"));
    let answer = desk.answer(None).unwrap();
    for (attribute, there) in [
        ("a=recvonly", true),
        (&format!("a=file-selector:{SELECTOR}"), true),
        ("a=file-transfer-id:one", true),
        ("a=file-range:1-*", true),
        ("file-disposition", false),
        ("file-date", false),
        ("file-icon", false),
    ] {
        assert_eq!(answer.contains(attribute), there, "{attribute}: {answer}");
    }
}

#[test]
fn what_cannot_be_transferred_is_no_file_transfer() {
    for (way, selector, more) in [
        ("sendonly", "", ""),
        ("sendonly", "size:x", ""),
        ("sendrecv", SELECTOR, ""),
        ("inactive", SELECTOR, ""),
        ("sendonly", SELECTOR, "a=file-range:1-12\r\n"),
        ("sendonly", SELECTOR, "a=file-range:0-5\r\n"),
        ("sendonly", SELECTOR, "a=file-range:5\r\n"),
    ] {
        assert!(Desk::offered(&line(way, selector, more)).is_none(), "{way} {selector} {more}");
    }
}

#[test]
fn the_same_id_goes_on_and_another_begins_anew() {
    let mut desk = Desk::offered(&line("sendonly", SELECTOR, &id("one"))).unwrap();
    desk.answer(None).unwrap();
    desk.piece("m1", 0, b"hello ", false);
    assert_eq!(desk.words(), ["write 0+6", "got 6"]);
    // A refresh of the session: the file goes on where it was.
    let answer = desk.answer(Some(&line("sendonly", SELECTOR, &id("one")))).unwrap();
    assert!(answer.contains("a=file-transfer-id:one") && !answer.contains("m=message 0"), "{answer}");
    desk.reply(FileAnswer::Written(6));
    assert_eq!(desk.words(), [] as [&str; 0]);
    // Also one that says less of the same file.
    desk.answer(Some(&line("sendonly", "name:\"a.txt\"", &id("one")))).unwrap();
    assert_eq!(desk.words(), [] as [&str; 0]);
    desk.piece("m1", 6, b"wo", false);
    assert_eq!(desk.words(), ["write 6+2", "got 8"]);
    // Another id: from the beginning, in another message. What is still written of the old one counts for nothing.
    let answer = desk.answer(Some(&line("sendonly", SELECTOR, &id("two")))).unwrap();
    assert!(answer.contains("a=file-transfer-id:two") && !answer.contains("m=message 0"), "{answer}");
    assert_eq!(desk.words(), ["the transfer begins anew"]);
    desk.reply(FileAnswer::Written(2));
    desk.piece("m2", 0, b"hello world", true);
    assert_eq!(desk.words(), ["write 0+11", "got 11"]);
    desk.reply(FileAnswer::Written(11));
    assert_eq!(desk.words(), ["finished"]);
    // It is there: the same id asks for nothing more, and a further one for all of it.
    desk.answer(Some(&line("sendonly", SELECTOR, &id("two")))).unwrap();
    assert_eq!(desk.words(), [] as [&str; 0]);
    desk.answer(Some(&line("sendonly", SELECTOR, &id("three")))).unwrap();
    desk.piece("m3", 0, b"hello world", true);
    desk.reply(FileAnswer::Written(11));
    assert_eq!(desk.words(), ["write 0+11", "got 11", "finished"]);
}

#[test]
fn another_file_on_the_same_line_is_refused() {
    for (number, (way, selector, more)) in [
        ("sendonly", SELECTOR.replace("a.txt", "b.txt"), id("one")),
        ("sendonly", SELECTOR.replace("a.txt", "b.txt"), id("two")),
        ("sendonly", SELECTOR.replace("2A", "2B"), id("one")),
        ("sendonly", "size:x".to_owned(), id("one")),
        ("sendonly", SELECTOR.to_owned(), format!("{}a=file-range:2-*\r\n", id("one"))),
        ("recvonly", SELECTOR.to_owned(), id("one")),
    ]
    .into_iter()
    .enumerate()
    {
        let mut desk = Desk::offered(&line("sendonly", SELECTOR, &id("one"))).unwrap();
        desk.answer(None).unwrap();
        assert_eq!(desk.answer(Some(&line(way, &selector, &more))), None, "{number}");
    }
    // A range that says the same in other words is no other, and neither is a file that is held.
    for (way, range) in [("sendonly", "a=file-range:1-11\r\n"), ("inactive", "")] {
        let mut desk = Desk::offered(&line("sendonly", SELECTOR, &id("one"))).unwrap();
        desk.answer(None).unwrap();
        let same = format!("{}{range}", id("one"));
        assert!(desk.answer(Some(&line(way, SELECTOR, &same))).is_some(), "{way}");
    }
}

#[test]
fn a_part_of_a_file_is_whole_without_the_rest() {
    let more = format!("{}a=file-range:3-5\r\n", id("one"));
    let mut desk = Desk::offered(&line("sendonly", SELECTOR, &more)).unwrap();
    assert_eq!((desk.file().offset(), desk.file().end()), (2, Some(5)));
    assert!(desk.answer(None).unwrap().contains("a=file-range:3-5"));
    desk.piece("m1", 0, b"llo", true);
    desk.reply(FileAnswer::Written(3));
    assert_eq!(desk.words(), ["write 2+3", "got 5", "finished"]);
    // Two bytes are not three.
    let mut desk = Desk::offered(&line("sendonly", SELECTOR, &more)).unwrap();
    desk.answer(None).unwrap();
    desk.piece("m1", 0, b"ll", true);
    desk.reply(FileAnswer::Written(2));
    assert_eq!(desk.words(), ["write 2+2", "got 4", "Incomplete file"]);
}

#[test]
fn who_is_asked_for_a_file_says_which_one_it_is() {
    let mut desk = Desk::offered(&line("recvonly", "name:\"a.txt\"", &id("one"))).unwrap();
    desk.want(FileTransferCommand::SetFile("here".into())).unwrap();
    let other = FileSelector { name: Some("b.txt".into()), ..FileSelector::default() };
    desk.want(FileTransferCommand::Describe(other)).unwrap_err();
    desk.want(FileTransferCommand::Describe(FileSelector::parse(SELECTOR).unwrap())).unwrap();
    assert!(desk.answer(None).unwrap().contains(SELECTOR));
    desk.tell(Event::Started);
    let known = desk.file().selector().clone();
    desk.want(FileTransferCommand::Describe(known)).unwrap_err();
}

#[test]
fn a_message_that_is_too_long_for_the_peer_is_not_sent() {
    for (size, sent) in [(10, false), (11, true)] {
        let more = format!("{}a=max-size:{size}\r\n", id("one"));
        let mut desk = Desk::offered(&line("recvonly", SELECTOR, &more)).unwrap();
        desk.want(FileTransferCommand::SetFile("here".into())).unwrap();
        desk.answer(None).unwrap();
        let refused = desk.words() == ["the peer takes no file of this size"];
        assert_eq!(refused, !sent, "{size}");
    }
}

#[test]
fn an_application_that_lags_behind_is_given_no_more() {
    let large = SELECTOR.replace("size:11", "size:4000000");
    let mut desk = Desk::offered(&line("sendonly", &large, &id("one"))).unwrap();
    desk.call(|stream, _, _| {
        let stream: &mut dyn Any = stream;
        stream.downcast_mut::<FileTransferStream>().unwrap().file = None;
    });
    desk.answer(None).unwrap();
    let holds = |desk: &mut Desk| {
        let held = |output: &Output| if let Output::MsrpHold(held) = output { Some(*held) } else { None };
        std::mem::take(&mut desk.said).iter().filter_map(held).collect::<Vec<bool>>()
    };
    static PIECE: [u8; 600_000] = [7; 600_000];
    desk.piece("m1", 0, &PIECE, false);
    assert_eq!(holds(&mut desk), [] as [bool; 0]);
    desk.piece("m1", 600_000, &PIECE, false);
    assert_eq!(holds(&mut desk), [true]);
    desk.want(FileTransferCommand::Taken(600_000)).unwrap();
    assert_eq!(holds(&mut desk), [false]);
}

#[test]
fn a_disk_that_is_full_is_told_also_behind_the_last_chunk() {
    let mut desk = Desk::offered(&line("sendonly", SELECTOR, &id("one"))).unwrap();
    desk.answer(None).unwrap();
    desk.piece("m1", 0, b"hello world", true);
    desk.reply(FileAnswer::Failed("no space left on device".into()));
    assert_eq!(desk.words(), ["write 0+11", "got 11", "no space left on device"]);
}

/// RFC 5547 section 8.1: an offer that is made for another reason once the file has arrived is none of a transfer.
#[test]
fn a_file_that_has_arrived_is_not_offered_again() {
    let selector = SELECTOR.replace("hash:sha-1:2A:AE:6C:35:C9:4F:CF:B4:15:DB:E9:5F:40:8B:9C:E9:1E:E8:46:ED", "");
    for data in [&b"hello world"[..], b"hello"] {
        let mut desk = Desk::offered(&line("sendonly", selector.trim(), &id("one"))).unwrap();
        desk.answer(None).unwrap();
        desk.piece("m1", 0, data, true);
        assert_ne!(desk.description().port, 0, "it is not written");
        desk.reply(FileAnswer::Written(data.len() as u64));
        let arrived = desk.words().contains(&"finished".to_owned());
        assert_eq!(arrived, data.len() == 11);
        let again = desk.description();
        assert_eq!((again.port == 0, has(&again, "file-transfer-id").as_deref()), (arrived, Some("one")));
    }
}
