//! Proposals and hold between two agents: behaviour 1.5 to 1.7.

mod brittle;
mod duo;
mod ending;
mod hold;
mod legality;
mod streams;
