//! The mailboxes of the tests, and their scripts.

use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::transport::{CloseHow, TlsInfo, Transport};

use crate::post::{Letter, Post};
use crate::script::{Act, Script, Turn, Way};
use crate::stream::{End, Node};
use crate::wire::Packet;

use super::{Happening, World};

impl World {
    /// Adds a mailbox at this address, and tells its number.
    ///
    /// # Panics
    /// When the address is taken.
    pub fn add_post(&mut self, address: SocketAddr, listens: bool) -> usize {
        let number = self.posts.len();
        assert!(self.by_post.insert(address, number).is_none(), "{address} is taken");
        self.posts.push(Post::new(address, listens));
        number
    }

    /// A mailbox.
    #[must_use]
    pub fn post(&self, number: usize) -> &Post {
        &self.posts[number]
    }

    /// The oldest letter in a mailbox, which is taken out.
    pub fn take_letter(&mut self, number: usize) -> Option<Letter> {
        self.posts[number].letters.pop_front()
    }

    /// Takes out all letters of a mailbox, and names them as [`Sip`](crate::sip::Sip) prints.
    pub fn take_letters(&mut self, number: usize) -> Vec<String> {
        self.posts[number].letters.drain(..).map(|letter| letter.sip.to_string()).collect()
    }

    /// Adds a scripted peer at this address, and tells its number: it is a mailbox too, and what comes stays there to be read. It
    /// accepts connections.
    ///
    /// # Panics
    /// When the address is taken.
    pub fn add_script(&mut self, address: SocketAddr, script: impl Script + 'static) -> usize {
        let number = self.add_post(address, true);
        self.scripts.insert(number, Box::new(script));
        number
    }

    /// From now on the connections of a mailbox are protected by TLS, and it shows this.
    pub fn post_shows(&mut self, number: usize, shows: TlsInfo) {
        self.posts[number].shows = Some(shows);
    }

    /// Does something as a mailbox or scripted peer, without having been asked.
    pub fn turn<T>(&mut self, number: usize, act: impl FnOnce(&mut Turn) -> T) -> T {
        let Post { address, opened, .. } = self.posts[number];
        let mut turn = Turn { now: self.now, own: address, opened, acts: Vec::new() };
        let result = act(&mut turn);
        self.posts[number].opened = turn.opened;
        for (after, act) in turn.acts {
            // A script that wakes itself at once does so in a turn of its own.
            if after.is_zero() && !matches!(act, Act::Wake(_)) {
                self.act(number, act);
            } else {
                self.schedule(after, Happening::Act(number, act));
            }
        }
        result
    }

    /// A letter has come.
    pub(super) fn deliver(&mut self, number: usize, letter: Letter) {
        self.posts[number].letters.push_back(letter.clone());
        self.play(number, |script, turn| script.got(&letter, turn));
    }

    /// Lets the script of a mailbox do something, if it has one.
    pub(super) fn play(&mut self, number: usize, act: impl FnOnce(&mut dyn Script, &mut Turn)) {
        let Some(mut script) = self.scripts.remove(&number) else { return };
        self.turn(number, |turn| act(script.as_mut(), turn));
        self.scripts.insert(number, script);
    }

    pub(super) fn act(&mut self, number: usize, act: Act) {
        let node = Node::Post(number);
        match act {
            Act::Send(Way::Datagram(to), data) => self.post_datagram(number, to, data),
            Act::Send(Way::Stream(conn), data) => self.write(End { node, conn }, &data),
            Act::Open(conn, to) => self.begin(number, conn, to),
            Act::Close(conn, how) => self.close(End { node, conn }, how),
            Act::Inject(from, to, data) => self.inject(from, to, data),
            Act::Wake(alarm) => self.play(number, |script, turn| script.alarm(alarm, turn)),
        }
    }

    /// Sends a datagram from a mailbox.
    pub fn post_datagram(&mut self, number: usize, to: SocketAddr, data: Bytes) {
        let from = self.posts[number].address;
        self.send(Packet { transport: Transport::Udp, from, to, data });
    }

    /// Opens a connection from a mailbox, which is open once it has reached the other side.
    pub fn post_open(&mut self, number: usize, to: SocketAddr) -> ConnId {
        self.turn(number, |turn| turn.open(to))
    }

    fn begin(&mut self, number: usize, conn: ConnId, to: SocketAddr) {
        let post = &mut self.posts[number];
        post.ports += 1;
        let local = SocketAddr::new(post.address.ip(), 30_000 + post.ports % 30_000);
        let post_shows = post.shows.is_some();
        let from = End { node: Node::Post(number), conn };
        let after = self.link(local.ip(), to.ip()).clone().transit(&mut self.random);
        let transport = if post_shows { Transport::Tls } else { Transport::Tcp };
        self.schedule(after, Happening::Connect { from, transport, local, to });
    }

    /// Writes to a connection of a mailbox.
    pub fn post_write(&mut self, number: usize, conn: ConnId, data: &Bytes) {
        self.write(End { node: Node::Post(number), conn }, data);
    }

    /// Closes a connection of a mailbox.
    pub fn post_close(&mut self, number: usize, conn: ConnId, how: CloseHow) {
        self.close(End { node: Node::Post(number), conn }, how);
    }
}
