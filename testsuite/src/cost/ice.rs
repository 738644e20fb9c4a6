//! A negotiation of ICE in memory: two agents of four addresses and two components each, from the descriptions to the chosen pairs.

use std::hint::black_box;
use std::net::SocketAddr;

use sipsimple_core::ice::{Agent, Arrival, Config, Local, RTCP, RTP, Role, State};
use sipsimple_core::random::{Random, Seed};
use sipsimple_core::stun::Message;
use sipsimple_core::time::{Instant, earliest};

use super::{Round, Work};

/// The pieces of work of this file.
pub const WORKS: &[Work] =
    &[Work { name: "ice_negotiation", unit: "negotiation", units: 1, target: None, prepare: negotiation }];

/// Addresses of each side.
const ADDRESSES: u8 = 4;

fn agent(role: Role, number: u8) -> Agent {
    let mut agent = Agent::new(Config::new(role), Random::new(&Seed::from_u64(number.into())));
    for (component, port) in [(RTP, 4000), (RTCP, 4001)] {
        for place in 0..ADDRESSES {
            let address = SocketAddr::from(([192, 0, 2, number * ADDRESSES + place], port));
            agent.add_local(Local::host(component, address, u16::MAX - u16::from(place)));
        }
    }
    agent
}

fn negotiation() -> Round {
    Box::new(|| {
        let mut now = Instant::from_millis(1000);
        let mut agents = [agent(Role::Controlling, 1), agent(Role::Controlled, 2)];
        let descriptions = agents.each_ref().map(Agent::description);
        agents[1].negotiate(now, &descriptions[0]);
        agents[0].negotiate(now, &descriptions[1]);
        while agents.iter().any(|agent| agent.state() == State::Running) {
            for side in 0..2 {
                while let Some(sent) = agents[side].poll_transmit() {
                    let message = Message::parse(sent.data).expect("STUN");
                    let arrival = Arrival { component: sent.component, base: sent.to, from: sent.base };
                    agents[1 - side].datagram(now, arrival, &message);
                }
            }
            let [one, other] = agents.each_ref().map(Agent::deadline);
            now = earliest(one, other).expect("checks go on").max(now);
            agents.iter_mut().for_each(|agent| agent.timeout(now));
        }
        assert!(agents.iter().all(|agent| agent.state() == State::Completed), "there is a way");
        black_box(&agents);
    })
}
