//! Datagrams: lost, repeated, delayed, delivered.

use std::net::SocketAddr;

use bytes::Bytes;

use sipsimple_core::agent::Input;
use sipsimple_core::dns::Resolver;
use sipsimple_core::transport::Transport;

use crate::post::Letter;
use crate::property::{MediaSight, NameSight};
use crate::script::Way;
use crate::sip::Sip;
use crate::stream::Node;
use crate::wire::{Fate, Packet, Sight};

use super::{Happening, World};

impl World {
    /// Sends a datagram of SIP.
    pub(super) fn send(&mut self, packet: Packet) {
        if let Some(Node::Host(host)) = self.node_at(packet.from) {
            self.see(Fate::Sent, host, &packet);
        }
        self.send_media(packet);
    }

    /// Sends a datagram that nobody watches.
    pub(super) fn send_media(&mut self, packet: Packet) {
        let Some(from) = self.leave(packet.from, packet.to) else { return };
        let packet = Packet { from, ..packet };
        let faults = self.links.get(&(packet.from.ip(), packet.to.ip())).unwrap_or(&self.faults);
        if faults.blocks_stun && sipsimple_core::stun::is_stun(&packet.data) {
            return;
        }
        for after in faults.deliveries(&mut self.random) {
            self.schedule(after, Happening::Datagram(packet.clone()));
        }
    }

    /// Sends a datagram from anywhere to anywhere, as a scripted peer or an attacker does.
    pub fn inject(&mut self, from: SocketAddr, to: SocketAddr, data: Bytes) {
        self.send_media(Packet { transport: Transport::Udp, from, to, data });
    }

    /// Shows a message to those who watch.
    pub(super) fn see(&mut self, fate: Fate, host: usize, packet: &Packet) {
        if self.watch.properties.is_empty() {
            return;
        }
        let Packet { transport, from, to, data } = packet;
        let (transport, from, to) = (*transport, *from, *to);
        match Sip::read(data) {
            Some(sip) => self.watch.seen(&Sight { at: self.now, fate, host, transport, from, to, sip: &sip }),
            // What others send need not be SIP.
            None if fate == Fate::Sent && !is_keep_alive(data) => self.watch.unreadable(host, self.now, data),
            None => {}
        }
    }

    /// Shows a question to a name server, or what came back, to those who watch.
    pub(super) fn see_name(&mut self, fate: Fate, host: usize, packet: &Packet) {
        let Packet { from, to, data, .. } = packet;
        self.watch.named(&NameSight { at: self.now, fate, host, from: *from, to: *to, data });
    }

    /// Shows a datagram of a media socket to those who watch.
    pub(super) fn see_media(&mut self, fate: Fate, host: usize, from: SocketAddr, to: SocketAddr, data: &Bytes) {
        if !self.watch.properties.is_empty() {
            self.watch.media(&MediaSight { at: self.now, fate, host, from, to, data });
        }
    }

    pub(super) fn arrive(&mut self, packet: &Packet) {
        let Some(to) = self.enter(packet.from, packet.to) else { return };
        let packet = &Packet { to, ..packet.clone() };
        if self.arrive_at_relay(packet) {
            return;
        }
        match self.node_at(packet.to) {
            Some(Node::Post(post)) => {
                let from = packet.from;
                match Sip::read(&packet.data) {
                    Some(sip) => {
                        self.deliver(post, Letter { at: self.now, transport: Transport::Udp, from, conn: None, sip })
                    }
                    None => self.play(post, |script, turn| script.data(Way::Datagram(from), &packet.data, turn)),
                }
            }
            Some(Node::Host(host)) if self.hosts[host].media.is_bound(packet.to.port()) => {
                let data = packet.data.clone();
                self.see_media(Fate::Arrived, host, packet.from, packet.to, &data);
                self.hosts[host].media.datagram(self.now, packet.to.port(), packet.from, data);
                self.drain_media(host);
            }
            Some(Node::Host(host)) => self.arrive_at(host, packet),
            None => {}
        }
    }

    fn arrive_at(&mut self, host: usize, packet: &Packet) {
        let fits = |local: &SocketAddr| {
            let everywhere = local.ip().is_unspecified() && local.is_ipv4() == packet.to.is_ipv4();
            local.port() == packet.to.port() && (local.ip() == packet.to.ip() || everywhere)
        };
        let found = self.hosts[host].udp.iter().find(|(_, local)| fits(local)).map(|(socket, _)| *socket);
        let Some(socket) = found else { return };
        let to = self.hosts[host].place.tells_destination.then_some(packet.to.ip());
        let times = if self.repeated == Some(self.arrivals) { 2 } else { 1 };
        self.arrivals += 1;
        for _ in 0..times {
            if Resolver::owns_socket(socket) {
                self.see_name(Fate::Arrived, host, packet);
            } else if socket.stream().is_none() {
                self.see(Fate::Arrived, host, packet);
            }
            let (from, data) = (packet.from, packet.data.clone());
            self.input(host, Input::Datagram { socket, from, to, interface: None, ttl: None, data });
        }
    }
}

/// Whether a datagram is what keeps a flow alive, and no message: line ends, or STUN (RFC 5626 section 4.4).
fn is_keep_alive(data: &[u8]) -> bool {
    data.iter().all(|byte| matches!(byte, b'\r' | b'\n')) || sipsimple_core::stun::is_stun(data)
}
