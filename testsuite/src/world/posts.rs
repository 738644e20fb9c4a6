//! The mailboxes of the tests.

use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::id::ConnId;
use sipsimple_core::transport::{CloseHow, Transport};

use crate::post::{Letter, Post};
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

    /// Sends a datagram from a mailbox.
    pub fn post_datagram(&mut self, number: usize, to: SocketAddr, data: Bytes) {
        let from = self.posts[number].address;
        self.send(Packet { transport: Transport::Udp, from, to, data });
    }

    /// Opens a connection from a mailbox, which is open once it has reached the other side.
    pub fn post_open(&mut self, number: usize, to: SocketAddr) -> ConnId {
        let post = &mut self.posts[number];
        let conn = ConnId::opened(post.opened);
        post.opened += 1;
        let port = 30_000 + u16::try_from(post.opened % 30_000).unwrap_or(0);
        let local = SocketAddr::new(post.address.ip(), port);
        let from = End { node: Node::Post(number), conn };
        self.schedule(self.faults.delay, Happening::Connect { from, local, to });
        conn
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
