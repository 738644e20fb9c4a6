//! Mixer, bridges, codecs, playout and recording for the SIP SIMPLE client.
//!
//! Everything works on ticks of 20 ms: a frame of samples in, a frame out, mono and 16 bits. Nothing here reads a clock or
//! sleeps, and nothing allocates while frames go through, so the simulator runs the same [`Engine`](engine::Engine) in
//! virtual time.
//!
//! The program below plays two tones to a recorder in no time, and finds them again:
//!
//! ```
//! use sipsimple_audio::engine::{Engine, EngineConfig};
//! use sipsimple_audio::measure;
//! use sipsimple_audio::port::Capture;
//! use sipsimple_audio::tone::ToneGenerator;
//! use sipsimple_core::time::Instant;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut engine = Engine::new(EngineConfig::default());
//! let rate = engine.sample_rate();
//! let tones = engine.add_port(ToneGenerator::new(rate))?;
//! let capture = engine.add_port(Capture::new(rate.samples_in(200)))?;
//!
//! let bridge = engine.add_bridge();
//! engine.bridge(bridge, tones)?;
//! engine.bridge(bridge, capture)?;
//!
//! engine.port_mut::<ToneGenerator>(tones).unwrap().play_dtmf('7')?;
//! for _ in 0..10 {
//!     engine.tick(Instant::ZERO);
//! }
//! let heard = engine.port::<Capture>(capture).unwrap().samples();
//! assert_eq!(measure::dtmf(heard, rate.hz()), Some('7'));
//! # Ok(())
//! # }
//! ```

pub mod bridge;
pub mod codec;
pub mod comfort_noise;
pub mod conference;
pub mod device;
pub mod engine;
pub mod measure;
pub mod mixer;
pub mod packetizer;
pub mod playout;
pub mod port;
pub mod rate;
pub mod resample;
pub mod ringtone;
pub mod tone;
pub mod wave;
