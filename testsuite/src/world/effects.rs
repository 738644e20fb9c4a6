//! What the agents ask of their drivers.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use sipsimple_core::agent::{Answer, Effect, Input, Question, SocketEvent};
use sipsimple_core::dns::Resolver;
use sipsimple_core::id::{SocketId, StreamId};
use sipsimple_core::media;
use sipsimple_core::transport::{Port, Security, SocketKind, Transport};

use crate::application::Alarms;
use crate::host::Host;
use crate::stream::{End, Node};
use crate::wire::{Fate, Packet};

use super::{BEGINNING, Happening, World};

impl World {
    /// Does all that an agent asks for, tells its user all that it tells, and sees to its being woken.
    pub(super) fn drain(&mut self, host: usize) {
        loop {
            if let Some(effect) = self.hosts[host].agent.poll_effect() {
                self.effect(host, effect);
            } else if let Some(event) = self.hosts[host].agent.poll_event() {
                self.watch.told(host, self.now, &event);
                let mut alarms = Alarms::default();
                let Host { application, agent, events, place, .. } = &mut self.hosts[host];
                application.event(self.now, &event, agent, &mut alarms);
                if place.keep_events {
                    events.push((self.now, event));
                }
                self.set_alarms(host, alarms);
            } else {
                break;
            }
        }
        while let Some(line) = self.hosts[host].agent.poll_trace() {
            self.hosts[host].traced(line);
        }
        if let Some(deadline) = self.hosts[host].agent.poll_timeout() {
            let at = deadline.at.max(self.now);
            if self.hosts[host].wake.is_none_or(|wake| at < wake) {
                self.hosts[host].wake = Some(at);
                self.schedule(at - self.now, Happening::Wake(host));
            }
        }
    }

    fn effect(&mut self, host: usize, effect: Effect) {
        match effect {
            Effect::Bind { socket, kind, addr, port } => self.bind(host, socket, &kind, addr, port),
            Effect::Unbind { socket } => {
                self.hosts[host].udp.remove(&socket);
                self.hosts[host].listening.remove(&socket);
                self.later(host, Input::Socket { socket, event: SocketEvent::Closed });
            }
            Effect::Send { on, to, data } => {
                let Some(local) = self.hosts[host].udp.get(&on).copied() else { return };
                // There is no way from one family of addresses to the other.
                let Some(address) = self.hosts[host].address_toward(to.ip()) else { return };
                let from =
                    SocketAddr::new(if local.ip().is_unspecified() { address } else { local.ip() }, local.port());
                let packet = Packet { transport: Transport::Udp, from, to, data };
                if Resolver::owns_socket(on) {
                    self.see_name(Fate::Sent, host, &packet);
                    self.send_media(packet);
                } else if on.stream().is_some() {
                    self.send_media(packet);
                } else {
                    self.send(packet);
                }
            }
            Effect::Open { conn, to, security, .. } => self.open(host, conn, to, &security),
            Effect::Resume(conn) => {
                let end = End { node: Node::Host(host), conn };
                if self.pipe(end).is_some_and(|pipe| !pipe.inbound.unread.is_empty()) {
                    self.schedule(Duration::ZERO, Happening::Read(end));
                }
            }
            Effect::Write { conn, data } => self.write(End { node: Node::Host(host), conn }, &data),
            Effect::Close { conn, how } => self.close(End { node: Node::Host(host), conn }, how),
            Effect::Ask { ask, question } => {
                let mut after = Duration::ZERO;
                let answer = match question {
                    Question::LocalAddress { toward } => {
                        Answer::LocalAddress(self.hosts[host].address_toward(toward.ip()))
                    }
                    Question::File(_) if self.hosts[host].disk_is_stuck => return,
                    Question::File(question) => {
                        after = self.hosts[host].disk_takes(self.now, &question);
                        Answer::File(self.hosts[host].file(&question))
                    }
                    Question::LoadSettings { .. } => Answer::Settings(Ok(self.hosts[host].stored.clone())),
                    Question::PersistSettings { text } => {
                        self.hosts[host].stored = Some(text);
                        Answer::Persisted(Ok(()))
                    }
                    // Certificates are not shown here.
                    Question::Tls(_) => Answer::Tls(Ok(None)),
                    _ => return,
                };
                self.hosts[host].asked.insert(ask);
                self.schedule(after, Happening::Input(host, Box::new(Input::Answer { ask, answer })));
            }
            Effect::Abandon { ask } => {
                self.hosts[host].asked.remove(&ask);
            }
            Effect::Media { stream, command } => self.media(host, stream, &command),
            _ => {}
        }
    }

    fn bind(&mut self, host: usize, socket: SocketId, kind: &SocketKind, addr: IpAddr, port: Port) {
        let port = match port {
            Port::Fixed(port) | Port::Range(port, _) if port != 0 => port,
            _ => self.hosts[host].free_port(),
        };
        let local = SocketAddr::new(addr, port);
        match kind {
            SocketKind::Listen(security) => {
                let protected = matches!(security, Security::Tls { .. });
                self.hosts[host].listening.insert(socket, (local, protected));
            }
            SocketKind::Udp | SocketKind::Multicast { .. } => {
                self.hosts[host].udp.insert(socket, local);
            }
        }
        self.later(host, Input::Socket { socket, event: SocketEvent::Bound { local } });
    }

    fn media(&mut self, host: usize, stream: StreamId, command: &media::Command) {
        let utc = BEGINNING + (self.now - sipsimple_core::time::Instant::ZERO);
        if let Some(event) = self.hosts[host].media.command(self.now, utc, stream, command) {
            self.later(host, Input::Media { stream, event });
        }
        self.drain_media(host);
    }

    /// Sends what the media paths of a host have to send, tells its agent what they tell, and sees to their being woken.
    pub(super) fn drain_media(&mut self, host: usize) {
        let (mut sent, mut told) = (Vec::new(), Vec::new());
        self.hosts[host].media.poll(&mut sent, &mut told);
        for (from, transmit) in sent {
            self.see_media(Fate::Sent, host, from, transmit.to, &transmit.data);
            self.send_media(Packet { transport: Transport::Udp, from, to: transmit.to, data: transmit.data });
        }
        for (stream, event) in told {
            self.later(host, Input::Media { stream, event });
        }
        if let Some(at) = self.hosts[host].media.deadline(self.now) {
            let at = at.max(self.now);
            if self.hosts[host].media_wake.is_none_or(|wake| at < wake) {
                self.hosts[host].media_wake = Some(at);
                self.schedule(at - self.now, Happening::MediaWake(host));
            }
        }
    }
}
