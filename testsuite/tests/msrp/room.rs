//! A chat with somebody who is scripted: a chat room, or a client that knows less than ours, and answers as the test says.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;

use bytes::Bytes;

use sipsimple_core::agent::MsrpAccount;
use sipsimple_core::id::ConnId;
use sipsimple_core::settings::kind::ConnectionModel::Relay;
use sipsimple_core::stream::{ChatSpec, StreamSpec};
use sipsimple_testsuite::draft::Draft;
use sipsimple_testsuite::link::Faults;
use sipsimple_testsuite::msrp::{Cutter, Frame, Start};
use sipsimple_testsuite::post::Letter;
use sipsimple_testsuite::script::{Script, TAG, Turn, Way};

use crate::scene::{Scene, over_tcp};

const ADDRESS: &str = "10.9.0.5:5060";
const OWN: &str = "msrp://10.9.0.5:5060/room;tcp";

/// What the peer has got, and what it is to do. Shared with the test.
#[derive(Debug, Default)]
pub(crate) struct Books {
    /// The attributes of its media line, beside its path.
    attributes: String,
    /// Requests with something in them, in the order in which they came.
    pub(crate) got: Vec<Frame>,
    /// The codes that its own requests were answered with.
    pub(crate) codes: Vec<u16>,
    /// The code that messages are answered with.
    pub(crate) answers: Option<u16>,
    /// The codes that nicknames are answered with, the next one last.
    pub(crate) nicknames: Vec<u16>,
    /// Where the other side is: its connection, and its path.
    there: Option<(ConnId, String)>,
    count: usize,
}

struct Peer {
    books: Rc<RefCell<Books>>,
    cutter: Cutter,
}

impl Script for Peer {
    fn got(&mut self, letter: &Letter, turn: &mut Turn) {
        if letter.sip.request() == "INVITE" {
            let attributes = self.books.borrow().attributes.clone();
            let sdp = format!(
                "v=0\r\no=- 1 1 IN IP4 10.9.0.5\r\ns=-\r\nc=IN IP4 10.9.0.5\r\nt=0 0\r\n\
                 m=message 5060 TCP/MSRP *\r\na=path:{OWN}\r\n{attributes}"
            );
            let draft = Draft::response(&letter.sip, 200, TAG).with("Contact", format!("<sip:room@{ADDRESS}>"));
            turn.reply(letter, &draft.body("application/sdp", sdp));
        } else if letter.sip.request() == "BYE" {
            turn.answer(letter, 200);
        }
    }

    fn data(&mut self, way: Way, data: &Bytes, turn: &mut Turn) {
        let Way::Stream(conn) = way else { return };
        for frame in self.cutter.feed(data) {
            let frame = frame.unwrap();
            let mut books = self.books.borrow_mut();
            let method = match &frame.start {
                Start::Request(method) => method,
                Start::Response(code) => {
                    books.codes.push(*code);
                    continue;
                }
            };
            let back = frame.field("From-Path").unwrap().to_owned();
            books.there = Some((conn, back.clone()));
            let code = match method.as_str() {
                "SEND" if frame.is_empty() => 200,
                "SEND" => books.answers.unwrap_or(200),
                "NICKNAME" => books.nicknames.pop().unwrap(),
                _ => 0,
            };
            let paths = [("To-Path", back.clone()), ("From-Path", OWN.to_owned())];
            if code > 0 && (frame.failure() == "yes" || (frame.failure() == "partial" && code != 200)) {
                turn.send(way, Frame::new(&frame.transaction, Start::Response(code), &paths).bytes());
            }
            if code == 200 && frame.success() && !frame.is_empty() {
                let len = frame.len();
                let more = [
                    ("Message-ID", frame.message()),
                    ("Byte-Range", format!("1-{len}/{len}")),
                    ("Status", "000 200 OK".to_owned()),
                ];
                let fields: Vec<_> = paths.iter().chain(&more).cloned().collect();
                books.count += 1;
                let transaction = format!("report{}", books.count);
                turn.send(way, Frame::new(transaction, Start::Request("REPORT".into()), &fields).bytes());
            }
            if !frame.is_empty() || method != "SEND" {
                books.got.push(frame);
            }
        }
    }
}

/// A scene with a host, and a peer that is scripted.
pub(crate) struct Room {
    pub(crate) scene: Scene,
    pub(crate) books: Rc<RefCell<Books>>,
    post: usize,
}

impl Room {
    /// A chat that has started with a peer that describes itself so.
    pub(crate) fn entered(seed: u64, attributes: &[&str]) -> Self {
        Self::entered_by(seed, attributes, over_tcp(Relay))
    }

    /// By an account like this.
    pub(crate) fn entered_by(seed: u64, attributes: &[&str], account: MsrpAccount) -> Self {
        let mut scene = Scene::new(seed, Faults::none(), [account, over_tcp(Relay)]);
        let attributes = attributes.iter().map(|attribute| format!("a={attribute}\r\n")).collect();
        let books = Rc::new(RefCell::new(Books { attributes, ..Books::default() }));
        let address: SocketAddr = ADDRESS.parse().unwrap();
        let peer = Peer { books: Rc::clone(&books), cutter: Cutter::default() };
        let post = scene.world.add_script(address, peer);
        scene.call_at(address, vec![StreamSpec::Chat(ChatSpec::default())]);
        scene.run(1000);
        Self { scene, books, post }
    }

    /// The peer sends something on the session, or on a connection of its own.
    pub(crate) fn sends(&mut self, method: &str, fields: &[(&str, &str)], body: Option<&str>) {
        let (conn, to) = self.books.borrow().there.clone().unwrap();
        self.sends_on(conn, &to, method, fields, body);
    }

    pub(crate) fn sends_on(
        &mut self,
        conn: ConnId,
        to: &str,
        method: &str,
        fields: &[(&str, &str)],
        body: Option<&str>,
    ) {
        self.books.borrow_mut().count += 1;
        let transaction = format!("peer{}", self.books.borrow().count);
        let paths = [("To-Path", to.to_owned()), ("From-Path", OWN.to_owned())];
        let more = fields.iter().map(|(name, value)| (*name, (*value).to_owned()));
        let fields: Vec<_> = paths.into_iter().chain(more).collect();
        let mut frame = Frame::new(transaction, Start::Request(method.into()), &fields);
        frame.body = body.map(|body| body.as_bytes().to_vec());
        self.scene.world.turn(self.post, |turn| turn.send(Way::Stream(conn), frame.bytes()));
        self.scene.run(200);
    }

    /// The peer sends a message of this type, and wants to hear of it.
    pub(crate) fn says(&mut self, id: &str, content_type: &str, body: &str) {
        let range = format!("1-{0}/{0}", body.len());
        let fields = [
            ("Message-ID", id),
            ("Byte-Range", range.as_str()),
            ("Success-Report", "yes"),
            ("Content-Type", content_type),
        ];
        self.sends("SEND", &fields, Some(body));
    }

    /// The statuses that were reported of messages of the peer.
    pub(crate) fn reported(&self) -> Vec<(String, String)> {
        let status = |frame: &Frame| (frame.message(), frame.field("Status").unwrap().to_owned());
        self.books.borrow().got.iter().filter(|frame| frame.is("REPORT")).map(status).collect()
    }

    /// The bodies of the messages that the peer got.
    pub(crate) fn bodies(&self) -> Vec<String> {
        let body = |frame: &Frame| String::from_utf8(frame.body.clone().unwrap_or_default()).unwrap();
        self.books.borrow().got.iter().filter(|frame| frame.is("SEND")).map(body).collect()
    }
}
