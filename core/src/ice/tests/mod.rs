//! Two agents, and a network between them that does what a test says.

mod candidates;
mod hostile;
mod network;
mod roles;
mod runs;

use std::net::SocketAddr;

use super::*;
use crate::random::{Random, Seed};

fn at(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

/// An agent with a host candidate for RTP and one for RTCP.
fn agent(role: Role, number: u64, ip: &str) -> Agent {
    let mut agent = Agent::new(Config::new(role), Random::new(&Seed::from_u64(number)));
    for component in [RTP, RTCP] {
        let address = SocketAddr::new(ip.parse().unwrap(), 4000 + u16::from(component) - 1);
        agent.add_local(Local::host(component, address, u16::MAX));
    }
    agent
}
