//! ICE of a stream over RTP: whether it is tried and with which servers, its lines in the description, and its notifications (RFC 8839).
//!
//! ```text
//!  Prepare ── Gathering ── GatheringComplete ── offer, answer ── InProgress ──► Succeeded ──► the stream starts
//!                                                                     └───────► Failed ─────► it starts all the same
//! ```

use std::net::{IpAddr, SocketAddr};

use crate::ice::{Description as Told, Event, Kind, RTCP, RTP, Role, Servers, Support};
use crate::media;
use crate::negotiation::Description;
use crate::outbox::Outbox;
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
    /// The kinds of our candidate and of the peer's in the pair of RTP, while its pairs are used.
    pair: Option<(Kind, Kind)>,
}

impl Connectivity {
    /// Whether its pairs are used.
    pub(super) const fn is_active(&self) -> bool {
        self.pair.is_some()
    }

    /// How our address and the peer's in the pair of RTP were found.
    pub(super) const fn pair(&self) -> Option<(Kind, Kind)> {
        self.pair
    }

    /// The stream answers this section of an offer.
    pub(super) fn offered(&mut self, section: &Media<'_>) {
        self.offered = matches!(Told::read(section, None), Support::Full(_));
    }

    /// What the media path is told: how ICE is tried. An answer has it only if the offer does.
    pub(super) fn setup(
        &self,
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
        tell(IceState::Gathering, out);
        Some(Box::new(media::Ice { role, servers }))
    }

    /// Puts the candidates into the description, and the address that others than ICE are to send to: the one that is most likely to work (RFC 8445 section 5.1.4).
    pub(super) fn describe(&self, description: &mut Description, local: IpAddr) {
        let Some(told) = &self.told else { return };
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
                let rtp = outcome.selected.iter().find(|pair| pair.local.component == RTP);
                self.pair = rtp.map(|pair| (pair.local.kind, pair.remote.kind));
                tell(IceState::Succeeded, out);
                out.push(Output::Event(StreamEvent::IceNegotiationDidSucceed { outcome }));
            }
            // The pair is another, and its place in what was told the same.
            Event::Moved { .. } => {}
            Event::Failed(why) => {
                self.pair = None;
                tell(IceState::Failed, out);
                out.push(Output::Event(StreamEvent::IceNegotiationDidFail { reason: why.to_string().into() }));
            }
        }
    }
}

fn tell(state: IceState, out: &mut Outbox<Output>) {
    out.push(Output::Event(StreamEvent::IceNegotiationStateDidChange { state }));
}
