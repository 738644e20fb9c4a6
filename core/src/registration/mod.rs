//! Registration (RFC 3261 section 10, RFC 3327, 3608, 5626, 5627): keeps an account's address known to its registrar.
//!
//! ```text
//!            register            located                2xx
//!  Idle ───────────────► Locating ─────► Registering ───────────► Waiting (to refresh)
//!   ▲                       │ no way        │ any failure             │      │
//!   │                       └──► Waiting ◄──┘                         │      │ unregister
//!   │                            (to retry) ── the time has come ──► Locating│
//!   │                               │                                        ▼
//!   └── unregister, nothing bound ──┘                              Unregistering (2 s)
//!   └────────────────────────────────────────────────────────────────────────┘
//! ```
//!
//! One command is worked off at a time: what the application wants in the meantime is remembered. All REGISTERs have one Call-ID and
//! CSeq numbers that count up; never are two under way. Between two attempts lies at least a second, whatever the registrar says.
//!
//! | file | what it does |
//! |---|---|
//! | `attempt` | the REGISTER and where it goes |
//! | `answer` | what its answers mean, and the pauses after failures |
//! | `binding` | what the registrar holds for us |
//! | `settings` | what a registration is made of |

mod answer;
mod attempt;
mod binding;
mod event;
mod settings;
#[cfg(test)]
mod tests;

pub use event::RegistrationEvent;
pub use settings::Settings;

use std::time::Duration;

use crate::config::Context;
use crate::outbox::Outbox;
use crate::sip::{Response, ServiceRoute, Text, Uri};
use crate::time::Instant;
use crate::transaction::End;
use crate::uac::{Client, Exchange, Located, Ticket};
use crate::usage::Backoff;

use binding::Binding;

/// What a registration says.
pub type Output = crate::uac::Output<RegistrationEvent>;

/// Between two attempts lies at least this.
const APART: Duration = Duration::from_secs(1);
/// How long the registrar may take to answer when we leave it.
const PARTING: Duration = Duration::from_secs(2);

/// What it is doing.
#[derive(Debug)]
enum Phase {
    Idle,
    /// The places that REGISTER can go to are being found.
    Locating,
    Registering(Box<Exchange>),
    /// To refresh, or to try again.
    Waiting(Instant),
    Unregistering(Box<Exchange>),
}

/// The registration of one account.
#[derive(Debug)]
pub struct Registration {
    settings: Settings,
    /// Settings of another address of record, to be taken when this one is unregistered.
    next: Option<Settings>,
    client: Client,
    call_id: Text,
    tag: Text,
    cseq: u32,
    phase: Phase,
    /// Whether the application wants to be registered.
    wanted: bool,
    /// Whether it is to be done anew when what is under way is done.
    again: bool,
    /// Whether the last REGISTER was accepted, and what it made has not been lost since.
    registered: bool,
    binding: Option<Binding>,
    /// The expiry that is asked for: the setting, or more if the registrar wants it.
    interval: u32,
    /// Whether the registrar's wish for a longer expiry was fulfilled already.
    lengthened: bool,
    backoff: Backoff,
    /// Since when it has been registered without a break.
    since: Instant,
    /// How many attempts have failed in a row, a short success not counted.
    failures: u32,
    /// When the last attempt began.
    began: Option<Instant>,
    service_route: Vec<ServiceRoute>,
}

impl Registration {
    /// A registration that does nothing yet.
    pub fn new(cx: &mut Context<'_>, settings: Settings) -> Self {
        Self {
            client: Client::new(settings.credentials.clone()),
            interval: settings.interval,
            settings,
            next: None,
            call_id: cx.random.token(22).into(),
            tag: cx.random.token(13).into(),
            cseq: u32::from(cx.random.u16()),
            phase: Phase::Idle,
            wanted: false,
            again: false,
            registered: false,
            binding: None,
            lengthened: false,
            backoff: Backoff::new(),
            since: cx.now,
            failures: 0,
            began: None,
            service_route: Vec::new(),
        }
    }

    /// Registers, and stays registered.
    pub fn register(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        self.wanted = true;
        match self.phase {
            Phase::Idle | Phase::Waiting(_) => self.begin(cx, out),
            Phase::Locating | Phase::Registering(_) => {}
            Phase::Unregistering(_) => self.again = true,
        }
    }

    /// Unregisters: only our own binding is removed. It [is done](Self::is_done) soon, whatever the registrar says.
    pub fn unregister(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        self.wanted = false;
        self.again = false;
        match &mut self.phase {
            Phase::Idle | Phase::Unregistering(_) => {}
            Phase::Locating | Phase::Waiting(_) => self.part(cx, out),
            // It may be registered already: its answer is waited for, but not for long.
            Phase::Registering(exchange) => exchange.give_up_by(cx.now + PARTING),
        }
    }

    /// Registers anew: the network has changed, and what was registered may not reach us any more.
    pub fn renew(&mut self, cx: &Context<'_>, out: &mut Outbox<Output>) {
        if !self.wanted {
            return;
        }
        match &mut self.phase {
            Phase::Idle | Phase::Waiting(_) | Phase::Locating => self.begin(cx, out),
            Phase::Registering(exchange) => {
                exchange.give_up_by(cx.now + PARTING);
                self.again = true;
            }
            Phase::Unregistering(_) => self.again = true,
        }
    }

    /// Goes on with other settings: registers anew, under another address of record after it has left the old one.
    pub fn reload(&mut self, cx: &Context<'_>, settings: Settings, out: &mut Outbox<Output>) {
        if settings.identity.uri.equivalent(&self.settings.identity.uri) {
            self.apply(settings);
            self.renew(cx, out);
            return;
        }
        let wanted = self.wanted;
        self.next = Some(settings);
        self.unregister(cx, out);
        if wanted {
            self.register(cx, out);
        }
    }

    fn apply(&mut self, settings: Settings) {
        if settings.credentials != self.settings.credentials {
            self.client.set_credentials(settings.credentials.clone());
        }
        self.interval = settings.interval;
        self.lengthened = false;
        self.backoff = Backoff::new();
        self.settings = settings;
    }

    /// Whether the last REGISTER was accepted, and what it made has not been lost since.
    #[must_use]
    pub const fn is_registered(&self) -> bool {
        self.registered
    }

    /// Whether nothing is under way, nor ever will be by itself.
    #[must_use]
    pub const fn is_done(&self) -> bool {
        !self.wanted && matches!(self.phase, Phase::Idle)
    }

    /// Whether nothing is under way now.
    #[must_use]
    pub const fn is_idle(&self) -> bool {
        matches!(self.phase, Phase::Idle | Phase::Waiting(_))
    }

    /// The routes that requests of the account take to its home proxy, in order (RFC 3608): those of the latest answer.
    #[must_use]
    pub fn service_route(&self) -> &[ServiceRoute] {
        &self.service_route
    }

    /// The URI that reaches this device from anywhere, where the registrar gave one (RFC 5627).
    #[must_use]
    pub fn public_gruu(&self) -> Option<&Uri> {
        self.binding.as_ref().filter(|_| self.registered)?.public_gruu.as_ref()
    }

    /// Whether the registrar that has a binding of ours does what RFC 5626 asks of it.
    #[must_use]
    pub fn is_outbound(&self) -> bool {
        self.binding.as_ref().is_some_and(|binding| binding.outbound)
    }

    /// The realm that the registrar named when it last asked for authentication.
    #[must_use]
    pub fn realm(&self) -> Option<&Text> {
        self.client.realm()
    }

    /// A response came to a request of ours.
    pub fn response(&mut self, cx: &mut Context<'_>, ticket: Ticket, response: &Response, out: &mut Outbox<Output>) {
        self.with_exchange(cx, out, |exchange, client, cx, out| exchange.response(cx, client, ticket, response, out));
    }

    /// The transaction of a request of ours is over.
    pub fn client_ended(&mut self, cx: &mut Context<'_>, ticket: Ticket, end: &End, out: &mut Outbox<Output>) {
        self.with_exchange(cx, out, |exchange, client, cx, out| exchange.client_ended(cx, client, ticket, end, out));
    }

    /// When [`timeout`](Self::timeout) is next wanted.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        match &self.phase {
            Phase::Idle | Phase::Locating => None,
            Phase::Waiting(until) => Some(*until),
            Phase::Registering(exchange) | Phase::Unregistering(exchange) => Some(exchange.deadline()),
        }
    }

    /// Works off the deadline that has come.
    pub fn timeout(&mut self, cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        match &self.phase {
            Phase::Waiting(until) if *until <= cx.now => self.begin(cx, out),
            Phase::Idle | Phase::Locating | Phase::Waiting(_) => {}
            Phase::Registering(_) | Phase::Unregistering(_) => {
                self.with_exchange(cx, out, |exchange, client, cx, out| exchange.timeout(cx, client, out));
            }
        }
    }

    /// The places that REGISTER can go to, best first, or why they cannot be found.
    pub fn located(&mut self, cx: &mut Context<'_>, places: Result<Vec<Located>, Text>, out: &mut Outbox<Output>) {
        if matches!(self.phase, Phase::Locating) {
            match places {
                Ok(places) => self.send(cx, &places, out),
                Err(reason) => self.not_located(cx, &reason, out),
            }
        }
    }
}
