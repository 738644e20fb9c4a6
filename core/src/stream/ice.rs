//! ICE of a stream over RTP: whether it is tried and with which servers, its lines in the description, and its notifications (RFC 8839).
//!
//! ```text
//!  Prepare ── Gathering ── GatheringComplete ── offer, answer ── InProgress ──► Succeeded ──► the stream starts
//!                                                                     └───────► Failed ─────► it starts all the same
//! ```
//!
//! Where the pair that was chosen is not what the line says, the controlling side offers once more, with that pair alone (RFC 8445 section
//! 8.1.2, RFC 8839 section 4.4.1). An offer with other credentials begins anew, the peer's or, where the application wants it, ours: the answer
//! has others, too (RFC 8839 section 4.4.1.1.1).

use std::net::{IpAddr, SocketAddr};

use crate::ice::{
    Credentials, Description as Told, Event, Exchange, Kind, RTCP, RTP, Role, Selected, Servers, Support,
};
use crate::media;
use crate::negotiation::Description;
use crate::outbox::Outbox;
use crate::random::Random;
use crate::sdp::Media;
use crate::settings::kind::StunServer;

use super::{Context, IceState, Originator, Output, StreamEvent};

/// The ICE of a stream.
#[derive(Debug, Default)]
pub(super) struct Connectivity {
    /// Whether the peer's offer has it.
    offered: bool,
    /// What the peer is to be told, once it is known.
    told: Option<Box<Told>>,
    /// Who the peer said it is, in what was agreed on last.
    peer: Option<Credentials>,
    /// Whether our side made the first offer, and so controls.
    controlling: bool,
    /// The pairs that are used; empty until they are found.
    selected: Vec<Selected>,
    /// Where RTP is to go by the peer's line.
    peer_rtp: Option<SocketAddr>,
    /// Whether ICE has begun anew, and no pair is chosen yet: all candidates are told again.
    anew: bool,
    /// Our name in offers that begin anew, until one is agreed on.
    restart: Option<Credentials>,
    /// Our name in the answer to an offer that begins anew.
    reply: Option<Credentials>,
    /// Whether the peer is to be sent an offer: the line names another address than the chosen one, or ICE is to begin anew.
    unsaid: bool,
}

impl Connectivity {
    /// Whether its pairs are used.
    pub(super) const fn is_active(&self) -> bool {
        !self.selected.is_empty()
    }

    /// Whether an offer is due that names the pair which was chosen.
    pub(super) const fn wants_offer(&self) -> bool {
        self.unsaid
    }

    /// How our address and the peer's in the pair of RTP were found.
    pub(super) fn pair(&self) -> Option<(Kind, Kind)> {
        let rtp = self.selected.iter().find(|pair| pair.local.component == RTP)?;
        Some((rtp.local.kind, rtp.remote.kind))
    }

    /// The stream answers this section of an offer.
    pub(super) fn offered(&mut self, section: &Media<'_>) {
        self.offered = matches!(Told::read(section, None), Support::Full(_));
    }

    /// What the media path is told: how ICE is tried. An answer has it only if the offer does.
    pub(super) fn setup(
        &mut self,
        cx: &Context<'_>,
        proposer: Originator,
        out: &mut Outbox<Output>,
    ) -> Option<Box<media::Ice>> {
        let settings = &cx.session.settings.nat_traversal;
        if !settings.use_ice || (proposer == Originator::Remote && !self.offered) {
            return None;
        }
        let address = |server: &StunServer| Some(SocketAddr::new(server.host.ip()?, server.port));
        let servers = Servers {
            stun: settings.stun_server_list.iter().flatten().filter_map(address).collect(),
            turn: cx.session.turn_servers.clone(),
        };
        let role = match proposer {
            Originator::Local => Role::Controlling,
            Originator::Remote => Role::Controlled,
        };
        self.controlling = role == Role::Controlling;
        tell(IceState::Gathering, out);
        Some(Box::new(media::Ice { role, servers }))
    }

    /// What was agreed on.
    pub(super) fn agreed(&mut self, exchange: Option<&Exchange>, peer_rtp: Option<SocketAddr>) {
        self.peer = exchange.map(|exchange| exchange.theirs.credentials());
        self.peer_rtp = peer_rtp;
        let reply = self.reply.take();
        let fresh = |exchange: &&Exchange| [&self.restart, &reply].contains(&&Some(exchange.ours.clone()));
        if let Some((Exchange { ours, .. }, told)) = exchange.filter(fresh).zip(self.told.as_deref_mut()) {
            Credentials { ufrag: told.ufrag, password: told.password } = ours.clone();
            (self.anew, self.restart) = (true, None);
        }
    }

    /// Begins anew by an offer of ours. False when the peer does not do ICE.
    pub(super) fn restart(&mut self, random: &mut Random) -> bool {
        if self.told.is_none() || self.peer.is_none() {
            return false;
        }
        self.restart = Some(Credentials::new(random));
        self.unsaid = true;
        true
    }

    /// An offer is about to be answered: if it begins anew, so does the answer, and we need not.
    pub(super) fn answer(&mut self, section: &Media<'_>, random: &mut Random) {
        let offered = Credentials::read(section);
        let begins = offered.is_some() && self.peer.is_some() && offered != self.peer;
        self.reply = begins.then(|| Credentials::new(random));
        if begins {
            (self.restart, self.unsaid) = (None, false);
        }
    }

    /// Puts the candidates into the description, and the address that others than ICE are to send to: the one that is most likely to work (RFC 8445
    /// section 5.1.4). Once pairs are chosen it is theirs, and so are the candidates (RFC 8839 section 4.4.1.2.2), unless ICE begins anew.
    pub(super) fn describe(&mut self, description: &mut Description, local: IpAddr, offers: bool) {
        let Some(known) = &self.told else { return };
        let mut told = known.as_ref().clone();
        let fresh = if offers { &self.restart } else { &self.reply };
        if let Some(fresh) = fresh {
            Credentials { ufrag: told.ufrag, password: told.password } = fresh.clone();
        }
        if !self.selected.is_empty() {
            if self.anew || fresh.is_some() {
                // Relayed addresses that were not chosen have been given back.
                let is_used = |at: SocketAddr| self.selected.iter().any(|pair| pair.base == at);
                told.candidates.retain(|one| one.kind != Kind::Relayed || is_used(one.address));
            } else {
                told.candidates = self.selected.iter().map(|pair| pair.local.clone()).collect();
                if self.controlling && offers {
                    let chosen = self.selected.iter().map(|pair| (pair.remote.component, pair.remote.address));
                    description.attributes.push(Told::remote_candidates(chosen));
                }
            }
        }
        let is_said = !self.selected.is_empty() && !self.anew && self.restart.is_none();
        self.unsaid &= !offers && !is_said;
        if let Some(rtp) = told.default_address(RTP) {
            description.port = rtp.port();
            description.address = Some(rtp.ip()).filter(|ip| *ip != local);
        }
        description.rtcp_port = told.default_address(RTCP).map(|rtcp| rtcp.port());
        description.attributes.extend(told.attributes());
    }

    /// News of the media path.
    pub(super) fn media(&mut self, event: Event, out: &mut Outbox<Output>) {
        match event {
            Event::Gathered { description } => {
                self.told = Some(description);
                tell(IceState::GatheringComplete, out);
            }
            Event::Started => tell(IceState::InProgress, out),
            Event::Succeeded(outcome) => {
                self.selected.clone_from(&outcome.selected);
                self.anew = false;
                self.unsaid = self.controlling && self.is_elsewhere();
                tell(IceState::Succeeded, out);
                out.push(Output::Event(StreamEvent::IceNegotiationDidSucceed { outcome }));
            }
            Event::Moved { component, selected } => {
                self.selected.retain(|pair| pair.local.component != component);
                self.selected.push(*selected);
            }
            Event::Failed(why) => {
                self.selected.clear();
                tell(IceState::Failed, out);
                out.push(Output::Event(StreamEvent::IceNegotiationDidFail { reason: why.to_string().into() }));
            }
        }
    }

    /// Whether a chosen pair leaves from another address than our line says, or leads to another than the peer's line says.
    fn is_elsewhere(&self) -> bool {
        let Some(told) = &self.told else { return false };
        let ours = |pair: &Selected| told.default_address(pair.local.component) == Some(pair.local.address);
        let theirs = |pair: &Selected| pair.remote.component != RTP || self.peer_rtp == Some(pair.remote.address);
        !self.selected.iter().all(|pair| ours(pair) && theirs(pair))
    }
}

fn tell(state: IceState, out: &mut Outbox<Output>) {
    out.push(Output::Event(StreamEvent::IceNegotiationStateDidChange { state }));
}

#[cfg(test)]
mod tests;
