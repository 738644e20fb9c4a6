//! Extensions of SIP that a call may use: reliable provisional responses (RFC 3262) and session timers (RFC 4028).

use clap::Args;
use sipsimple_drivers::Settings;

/// Options of the commands that have calls.
#[derive(Debug, Args)]
#[group(id = "extension_options")]
pub(crate) struct Options {
    /// Send provisional responses reliably, and say so, when the other side can do that too (RFC 3262)
    #[arg(long = "100rel")]
    reliable: bool,
    /// End a call whose other side has not been heard for this long, 90 s or more (RFC 4028)
    #[arg(long, value_name = "SECS", value_parser = clap::value_parser!(u32).range(90..), default_value = "1800")]
    session_expires: u32,
}

impl Options {
    /// Puts them into the settings.
    pub(crate) const fn apply(&self, settings: &mut Settings) {
        settings.config.reliable_provisionals = self.reliable;
        settings.config.session_timer.expires = Some(self.session_expires);
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        extensions: Options,
    }

    #[test]
    fn options_reach_the_configuration() {
        let line = ["sipsimple", "--100rel", "--session-expires", "120"];
        let mut settings = Settings::default();
        Line::try_parse_from(line).unwrap().extensions.apply(&mut settings);
        assert!(settings.config.reliable_provisionals);
        assert_eq!(settings.config.session_timer.expires, Some(120));
    }

    #[test]
    fn a_session_shorter_than_the_rfc_allows_is_refused() {
        assert!(Line::try_parse_from(["sipsimple", "--session-expires", "89"]).is_err());
    }
}
