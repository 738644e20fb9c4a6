//! How a NAT behaves, in the words of RFC 4787.

use std::time::Duration;

/// How much of the other side's address a mapping or a filter depends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dependence {
    /// Nothing of it (endpoint-independent).
    Endpoint,
    /// Its address.
    Address,
    /// Its address and port.
    AddressAndPort,
}

/// The behaviour of a NAT.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// When one inside address gets another port outside (RFC 4787 section 4.1).
    pub mapping: Dependence,
    /// Who may send to a mapping (section 5).
    pub filtering: Dependence,
    /// How long a mapping of UDP lives after it was used last (section 4.3).
    pub lifetime: Duration,
    /// Whether what comes from outside keeps a mapping alive too (REQ-6 demands only that what leaves does).
    pub refreshed_from_outside: bool,
    /// Whether the port stays the same outside where it is free (section 4.2.1).
    pub preserves_port: bool,
    /// Whether inside hosts reach one another by their outside addresses (section 6).
    pub hairpins: bool,
}

impl Kind {
    /// Any peer may send to a mapping that is the same for all ("full cone").
    #[must_use]
    pub const fn open() -> Self {
        Self {
            mapping: Dependence::Endpoint,
            filtering: Dependence::Endpoint,
            lifetime: Duration::from_secs(120),
            refreshed_from_outside: true,
            preserves_port: true,
            hairpins: true,
        }
    }

    /// The addresses that were sent to may answer, from any port ("restricted cone").
    #[must_use]
    pub const fn address_restricted() -> Self {
        Self { filtering: Dependence::Address, ..Self::open() }
    }

    /// Only who was sent to may answer ("port-restricted cone"), and mappings die soon: the usual home router.
    #[must_use]
    pub const fn port_restricted() -> Self {
        Self {
            filtering: Dependence::AddressAndPort,
            lifetime: Duration::from_secs(30),
            refreshed_from_outside: false,
            hairpins: false,
            ..Self::open()
        }
    }

    /// Every peer sees another port ("symmetric").
    #[must_use]
    pub const fn symmetric() -> Self {
        Self { mapping: Dependence::AddressAndPort, preserves_port: false, ..Self::port_restricted() }
    }
}
