//! One dialog of an INVITE usage, and where its exchange of offers and answers stands (RFC 6337 section 2.2). Early dialogs stand side by side, each with its own.
//!
//! ```text
//!            INVITE with an offer                    INVITE without one
//!            sent │        │ came                          │
//!                 ▼        ▼                               ▼
//!       LocalOffer          RemoteOffer ◄── offer came ── Open ── offer sent ──► LocalOffer
//!  answer came │ ▲            ▲ │ answer sent
//!              ▼ │ offer sent │ ▼
//!              Settled ───────┘  offer came
//! ```
//!
//! An offer that was refused leads back to `Settled`.

use bytes::Bytes;

use crate::dialog::Dialog;
use crate::sip::{Headers, Method, Text};

use super::output::Description;
use super::timer::Timer;

/// Where the exchange of offers and answers of a dialog stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Exchange {
    /// An INVITE without an offer is under way: the first reliable answer to it brings one.
    Open,
    /// Our offer waits for its answer.
    LocalOffer,
    /// The peer's offer waits for our answer.
    RemoteOffer,
    /// No offer is outstanding, and one was answered.
    Settled,
}

/// Whether a response is sure to arrive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// A provisional response that nobody acknowledges.
    Unreliable,
    /// A 2xx, or a provisional response that PRACK acknowledges.
    Reliable,
}

impl Exchange {
    /// What a session description in a response to our INVITE is (RFC 6337 table 1). One that stands in the place of nothing is none.
    pub(super) fn take(&mut self, carrier: Carrier, body: Option<Bytes>) -> Option<Description> {
        let body = body?;
        match (*self, carrier) {
            (Self::LocalOffer, Carrier::Unreliable) => Some(Description::Preview(body)),
            (Self::LocalOffer, Carrier::Reliable) => {
                *self = Self::Settled;
                Some(Description::Answer(body))
            }
            (Self::Open, Carrier::Reliable) => {
                *self = Self::RemoteOffer;
                Some(Description::Offer(body))
            }
            (Self::Open, Carrier::Unreliable) | (Self::RemoteOffer | Self::Settled, _) => None,
        }
    }

    /// A description of ours goes out reliably, in a response or an acknowledgement: false when there is none to give.
    pub(super) const fn give(&mut self) -> bool {
        match self {
            Self::Open => *self = Self::LocalOffer,
            Self::RemoteOffer => *self = Self::Settled,
            Self::LocalOffer | Self::Settled => return false,
        }
        true
    }

    /// After an INVITE of our own with an offer, or without one.
    pub(super) const fn begun(offers: bool) -> Self {
        if offers { Self::LocalOffer } else { Self::Open }
    }
}

/// How many INFO packages of the peer are remembered.
const INFO_PACKAGES: usize = 16;

/// One dialog of the usage.
#[derive(Debug)]
pub(super) struct Leg {
    pub(super) dialog: Dialog,
    pub(super) exchange: Exchange,
    /// Whether the peer said that it understands UPDATE (RFC 3311 section 4).
    pub(super) updates: bool,
    /// The INFO packages that the peer listens to (RFC 6086 section 5.2).
    pub(super) info_packages: Vec<Text>,
    /// When the session is to be refreshed (RFC 4028).
    pub(super) timer: Option<Timer>,
    /// The largest Min-SE that was seen, in seconds; 0 for none.
    pub(super) min_se: u32,
}

impl Leg {
    /// A dialog that this message of the peer made.
    pub(super) fn new(dialog: Dialog, exchange: Exchange, message: &Headers) -> Self {
        let mut leg = Self { dialog, exchange, updates: false, info_packages: Vec::new(), timer: None, min_se: 0 };
        leg.learn(message);
        leg
    }

    /// Takes from a message of the peer what it understands.
    pub(super) fn learn(&mut self, message: &Headers) {
        if message.has(crate::sip::HeaderName::Allow) {
            self.updates = message.all::<crate::sip::Allow>().flatten().any(|allow| allow.0 == Method::Update);
        }
        let mut listens = message.other("Recv-Info").peekable();
        if listens.peek().is_some() {
            let text = |value| std::str::from_utf8(value).unwrap_or_default();
            let names = listens.flat_map(|value| text(value).split(','));
            let names = names.filter_map(|name| name.split(';').next()).map(str::trim).filter(|name| !name.is_empty());
            self.info_packages = names.take(INFO_PACKAGES).map(Text::from).collect();
        }
    }
}
