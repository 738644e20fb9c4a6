//! Audio streams of two agents in the simulator: what they agree on, what they tell, and what is heard.

mod comfort_noise;
mod fallback;
mod rtcp;
mod told;
