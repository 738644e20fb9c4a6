//! What becomes of the microphone's sound before others hear it.

use std::time::Duration;

use clap::Args;
use sipsimple_audio::device::Processing;

/// Options of the commands that have calls.
#[derive(Debug, Args)]
#[group(skip)]
pub(crate) struct Options {
    /// Cancel the loudspeaker's echo in the microphone, which lasts so long at most; 0 cancels none. Default: 200
    #[arg(long, value_name = "MS", value_parser = clap::value_parser!(u16).range(0..=1_000))]
    echo_tail: Option<u16>,
    /// Take steady noise out of what the microphone hears
    #[arg(long)]
    suppress_noise: bool,
    /// Make a soft voice louder
    #[arg(long)]
    control_gain: bool,
}

impl Options {
    /// Puts them into the settings of the mixer.
    pub(crate) fn configure(&self, processing: &mut Processing) {
        if let Some(tail) = self.echo_tail {
            processing.tail_length = Duration::from_millis(tail.into());
        }
        processing.noise_suppression |= self.suppress_noise;
        processing.gain_control |= self.control_gain;
    }

    /// Whether something is asked for that is not built in.
    pub(crate) fn is_beyond_us(&self) -> bool {
        !Processing::BUILT_IN
            && (self.echo_tail.is_some_and(|tail| tail > 0) || self.suppress_noise || self.control_gain)
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        microphone: Options,
    }

    fn configured(line: &[&str]) -> (Processing, bool) {
        let options = Line::try_parse_from([&["sipsimple"], line].concat()).unwrap().microphone;
        let mut processing = Processing { tail_length: Duration::from_millis(200), ..Processing::NONE };
        options.configure(&mut processing);
        (processing, options.is_beyond_us())
    }

    #[test]
    fn options_reach_the_mixer() {
        let (nothing, beyond) = configured(&[]);
        assert_eq!(nothing, Processing { tail_length: Duration::from_millis(200), ..Processing::NONE });
        assert!(!beyond);
        assert_eq!(configured(&["--echo-tail", "0"]), (Processing::NONE, false));
        let all = Processing { tail_length: Duration::from_millis(90), noise_suppression: true, gain_control: true };
        let line = ["--echo-tail", "90", "--suppress-noise", "--control-gain"];
        assert_eq!(configured(&line), (all, !Processing::BUILT_IN));
        assert!(Line::try_parse_from(["sipsimple", "--echo-tail", "1001"]).is_err());
    }
}
