//! The order of the servers of a service (RFC 2782).

use super::Srv;
use crate::random::Random;

/// The servers in the order in which they are to be tried: by ascending priority, and within one priority drawn by weight. Those without
/// a weight come up too, though rarely while others have one. The order in which they came does not matter.
pub(super) fn in_order(mut servers: Vec<Srv>, random: &mut Random) -> Vec<Srv> {
    // Within a priority those of weight 0 come first, as the drawing wants it.
    servers.sort();
    servers.dedup();
    let mut ordered = Vec::with_capacity(servers.len());
    while let Some(priority) = servers.first().map(|server| server.priority) {
        let peers = servers.iter().take_while(|server| server.priority == priority).count();
        let rest = servers.split_off(peers);
        let mut peers = std::mem::replace(&mut servers, rest);
        while !peers.is_empty() {
            let drawn = draw(&peers, random);
            ordered.push(peers.remove(drawn));
        }
    }
    ordered
}

/// The place of the one that is drawn: the first whose running sum of weights reaches a random number from 0 to the sum of all.
fn draw(peers: &[Srv], random: &mut Random) -> usize {
    let sum: u64 = peers.iter().map(|server| u64::from(server.weight)).sum();
    let number = random.between(0, sum);
    let mut running = 0;
    let reached = peers.iter().position(|server| {
        running += u64::from(server.weight);
        running >= number
    });
    reached.unwrap_or_default()
}

/// The servers that can be reached, `most` of them, best priority first; and whether there are any records. One that names the root says
/// that the service is not offered, and nobody is reached at port 0.
pub(super) fn usable(mut servers: Vec<Srv>, most: usize) -> (Vec<Srv>, bool) {
    let any = !servers.is_empty();
    servers.retain(|server| !server.target.is_root() && server.port != 0);
    servers.sort();
    servers.dedup();
    servers.truncate(most);
    (servers, any)
}
