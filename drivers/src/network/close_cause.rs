//! Errors of the operating system, in the core's terms.

use std::io::{Error, ErrorKind};

use sipsimple_core::transport::CloseCause;

/// What the core is told of `error`.
pub(crate) fn close_cause(error: &Error) -> CloseCause {
    match error.kind() {
        ErrorKind::ConnectionRefused => CloseCause::Refused,
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe => CloseCause::Reset,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable | ErrorKind::NetworkDown => CloseCause::Unreachable,
        ErrorKind::AddrInUse | ErrorKind::AddrNotAvailable => CloseCause::AddressUnavailable,
        ErrorKind::TimedOut => CloseCause::TimedOut,
        ErrorKind::UnexpectedEof => CloseCause::Peer,
        _ => CloseCause::Other(error.to_string().into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_have_the_cause_that_the_core_acts_on() {
        for (kind, cause) in [
            (ErrorKind::ConnectionRefused, CloseCause::Refused),
            (ErrorKind::BrokenPipe, CloseCause::Reset),
            (ErrorKind::NetworkUnreachable, CloseCause::Unreachable),
            (ErrorKind::AddrInUse, CloseCause::AddressUnavailable),
            (ErrorKind::TimedOut, CloseCause::TimedOut),
        ] {
            assert_eq!(close_cause(&Error::from(kind)), cause);
        }
        let CloseCause::Other(text) = close_cause(&Error::other("the cable burns")) else { panic!("not other") };
        assert_eq!(text, "the cable burns");
    }
}
