//! Dialogs (RFC 3261 section 12): ids, route sets, CSeq numbers, remote targets.
//!
//! A [`Dialog`] is the peer-to-peer relationship that an INVITE creates. It knows how to address a request inside of it
//! (RFC 3261 section 12.2.1.1) and how to judge one that came (12.2.2); what the requests mean is the business of the
//! usages above it.
//!
//! ```text
//!              101–199 with To tag                2xx
//!  (nothing) ──────────────────────► Early ───────────────► Confirmed
//!      │                                                        ▲
//!      └────────────────────────────────────────────────────────┘
//!                                  2xx
//! ```

mod id;
mod route;
#[cfg(test)]
mod tests;

pub use id::DialogId;
pub use route::RouteSet;

use crate::sip::{Builder, CSeq, Essentials, From, HeaderName, Headers, Method, NameAddr, Request, Response, To, Uri};

/// The state of a dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Made by a provisional response: it ends when the INVITE is refused.
    Early,
    /// Made, or confirmed, by a 2xx.
    Confirmed,
}

/// Which side sent the request that made the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// This side (the UAC).
    Caller,
    /// The other side (the UAS).
    Callee,
}

/// Why a request does not belong into the dialog now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("CSeq {got} is lower than {last}")]
pub struct OutOfOrder {
    /// The number that came.
    pub got: u32,
    /// The highest number that came before.
    pub last: u32,
}

/// Why no dialog can be made of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DialogError {
    /// The peer's tag is missing.
    #[error("the peer's tag is missing")]
    NoTag,
    /// The Contact header is missing, repeated, or not a URI (RFC 3261 section 12.1.1).
    #[error("there is no usable Contact")]
    BadContact,
    /// A Record-Route header cannot be read.
    #[error("a Record-Route cannot be read")]
    BadRoute,
}

/// One dialog.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    role: Role,
    state: State,
    local: NameAddr,
    remote: NameAddr,
    local_cseq: u32,
    remote_cseq: Option<u32>,
    routes: RouteSet,
    remote_target: Uri,
}

impl Dialog {
    /// The dialog that a 101–299 response makes at the side that sent `request` (RFC 3261 section 12.1.2).
    ///
    /// # Errors
    /// When a provisional response lacks the To tag, or the Contact or Record-Route cannot be used. A 2xx without a To tag makes a dialog with an empty remote tag, as RFC 2543 peers need.
    pub fn from_response(request: &Request, response: &Response, essentials: &Essentials) -> Result<Self, DialogError> {
        let local = request.from().map_err(|_| DialogError::NoTag)?;
        let local_tag = local.tag().ok_or(DialogError::NoTag)?;
        let local_cseq = request.cseq().map_or(0, |cseq| cseq.number);
        let remote_tag = essentials.to.tag().unwrap_or_default();
        if remote_tag.is_empty() && response.code() < 200 {
            return Err(DialogError::NoTag);
        }
        // A provisional response without a Contact is seen in the wild: requests then go where the INVITE went.
        let remote_target = match contact(response)? {
            Some(uri) => uri,
            None if response.code() < 200 => request.uri().map_err(|_| DialogError::BadContact)?,
            None => return Err(DialogError::BadContact),
        };
        Ok(Self {
            id: DialogId::new(&essentials.call_id, local_tag, remote_tag),
            role: Role::Caller,
            state: if response.code() < 200 { State::Early } else { State::Confirmed },
            local: local.detached(),
            remote: essentials.to.detached(),
            local_cseq,
            remote_cseq: None,
            routes: RouteSet::reversed(response)?,
            remote_target: remote_target.detached(),
        })
    }

    /// The dialog that we make at the side that received `request`, with our tag (RFC 3261 section 12.1.1).
    ///
    /// # Errors
    /// When the request's Contact or Record-Route cannot be used. A request without a From tag makes a dialog with an empty remote tag, as RFC 2543 peers need; they need no Contact either: requests then go to their From.
    pub fn from_request(request: &Request, essentials: &Essentials, local_tag: &str) -> Result<Self, DialogError> {
        let remote_target = match contact(request)? {
            Some(target) => target,
            None if is_of_rfc_2543(essentials) => essentials.from.uri.clone(),
            None => return Err(DialogError::BadContact),
        };
        let remote_tag = essentials.from.tag().unwrap_or_default();
        Ok(Self {
            id: DialogId::new(&essentials.call_id, local_tag, remote_tag),
            role: Role::Callee,
            state: State::Early,
            local: essentials.to.clone().with_tag(local_tag).detached(),
            remote: essentials.from.detached(),
            local_cseq: 0,
            remote_cseq: Some(essentials.cseq.number),
            routes: RouteSet::in_order(request)?,
            remote_target: remote_target.detached(),
        })
    }

    /// The dialog that a NOTIFY makes at the side that sent `subscribe` (RFC 6665 section 4.4.1): its route set is that of the NOTIFY, and our numbers go on from the SUBSCRIBE's.
    ///
    /// # Errors
    /// When the Contact or Record-Route cannot be used.
    pub fn from_notify(subscribe: &Request, notify: &Request, essentials: &Essentials) -> Result<Self, DialogError> {
        let local_tag = essentials.to.tag().ok_or(DialogError::NoTag)?;
        let dialog = Self::from_request(notify, essentials, local_tag)?;
        let local = subscribe.from().map_err(|_| DialogError::NoTag)?.detached();
        let local_cseq = subscribe.cseq().map_or(0, |cseq| cseq.number);
        Ok(Self { role: Role::Caller, state: State::Confirmed, local, local_cseq, ..dialog })
    }

    /// The first NOTIFY came in a dialog that the 2xx to our SUBSCRIBE made: the route set is the NOTIFY's (RFC 6665 section 4.4.1).
    ///
    /// # Errors
    /// When the Contact or Record-Route cannot be used; nothing changed.
    pub fn confirm_by_notify(&mut self, notify: &Request) -> Result<(), DialogError> {
        let target = contact(notify)?.ok_or(DialogError::BadContact)?;
        self.routes = RouteSet::in_order(notify)?;
        self.remote_target = target.detached();
        Ok(())
    }

    /// Our number goes on from `number`: a request inside the dialog was sent once more, with credentials.
    pub fn continue_from(&mut self, number: u32) {
        self.local_cseq = self.local_cseq.max(number);
    }

    /// Its name.
    #[must_use]
    pub const fn id(&self) -> &DialogId {
        &self.id
    }

    /// Which side sent the request that made it.
    #[must_use]
    pub const fn role(&self) -> Role {
        self.role
    }

    /// Its state.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Our name and URI, with our tag.
    #[must_use]
    pub const fn local(&self) -> &NameAddr {
        &self.local
    }

    /// The peer's name and URI, with its tag.
    #[must_use]
    pub const fn remote(&self) -> &NameAddr {
        &self.remote
    }

    /// Where the peer wants requests.
    #[must_use]
    pub const fn remote_target(&self) -> &Uri {
        &self.remote_target
    }

    /// The routes between us.
    #[must_use]
    pub const fn routes(&self) -> &RouteSet {
        &self.routes
    }

    /// The number of the last request that we sent.
    #[must_use]
    pub const fn local_cseq(&self) -> u32 {
        self.local_cseq
    }

    /// The URI that names the next hop: the first route, or the remote target (RFC 3261 section 8.1.2).
    #[must_use]
    pub fn next_hop(&self) -> &Uri {
        self.routes.first().unwrap_or(&self.remote_target)
    }

    /// A 2xx confirms an early dialog: the route set is computed once more from it, since proxies of the past did not record-route provisional responses (RFC 3261 section 13.2.2.4).
    ///
    /// # Errors
    /// When the Contact or a Record-Route cannot be used; nothing changed.
    pub fn confirm(&mut self, response: &Response) -> Result<(), DialogError> {
        if self.state == State::Confirmed {
            return Ok(());
        }
        let target = contact(response)?.ok_or(DialogError::BadContact)?;
        if self.role == Role::Caller {
            self.routes = RouteSet::reversed(response)?;
        }
        self.remote_target = target.detached();
        self.state = State::Confirmed;
        Ok(())
    }

    /// We sent a 2xx: the dialog is confirmed.
    pub fn confirm_locally(&mut self) {
        self.state = State::Confirmed;
    }

    /// Starts a request inside the dialog, under the next CSeq number (not ACK or CANCEL). Via, Max-Forwards, Contact and the body are the caller's to add.
    pub fn request(&mut self, method: Method) -> Builder<Request> {
        let number = self.next_cseq();
        self.build(method, number)
    }

    /// The next CSeq number, for a request that is sent again because it was challenged.
    pub fn next_cseq(&mut self) -> u32 {
        self.local_cseq = self.following_cseq();
        self.local_cseq
    }

    /// What the next CSeq number will be: none is left out where the request is not sent after all (RFC 3261 section 12.2.1.1).
    #[must_use]
    pub fn following_cseq(&self) -> u32 {
        // 2^31 requests into a dialog the number would leave its range (RFC 3261 section 8.1.1.5); it stays there.
        (self.local_cseq + 1).min(0x7fff_ffff)
    }

    /// Starts the ACK of a 2xx to the INVITE with this CSeq number (RFC 3261 section 13.2.2.4).
    pub fn ack(&self, invite_cseq: u32) -> Builder<Request> {
        self.build(Method::Ack, invite_cseq)
    }

    fn build(&self, method: Method, number: u32) -> Builder<Request> {
        let (uri, routes) = self.routes.address(&self.remote_target);
        let mut builder = Request::build(method.clone(), &uri);
        for route in &routes {
            builder = builder.field(HeaderName::Route, route);
        }
        builder
            .field(HeaderName::MaxForwards, 70)
            .header(&From(self.local.clone()))
            .header(&To(self.remote.clone()))
            .field(HeaderName::CallId, self.id.call_id())
            .header(&CSeq { number, method })
    }

    /// Judges the CSeq number of a request that came inside the dialog, and remembers it. ACK and CANCEL are not for this.
    ///
    /// # Errors
    /// When it is lower than one that came before: the request is answered with 500 and changes nothing (RFC 3261 section 12.2.2).
    pub fn receive(&mut self, cseq: &CSeq) -> Result<(), OutOfOrder> {
        match self.remote_cseq {
            Some(last) if cseq.number < last => Err(OutOfOrder { got: cseq.number, last }),
            _ => {
                self.remote_cseq = Some(cseq.number);
                Ok(())
            }
        }
    }

    /// Takes the remote target from a target refresh request that we answer with 2xx, or a 2xx to one of ours (RFC 3261 section 12.2, RFC 6141 section 4). A message without a usable Contact changes nothing.
    pub fn refresh_target(&mut self, message: &Headers) {
        if let Ok(Some(uri)) = contact(message) {
            self.remote_target = uri.detached();
        }
    }
}

/// Whether a request comes from an element of before RFC 3261: its branch, if it has one, has not the magic cookie (section 8.1.1.7).
fn is_of_rfc_2543(essentials: &Essentials) -> bool {
    essentials.from.uri.as_sip().is_some()
        && !essentials.via.branch().is_some_and(|branch| branch.starts_with("z9hG4bK"))
}

/// The URI of the only Contact of a message, without what must not stand in a request line (RFC 3261 section 19.1.1).
fn contact(message: &Headers) -> Result<Option<Uri>, DialogError> {
    let mut contacts = message.contacts();
    match (contacts.next(), contacts.next()) {
        (None, _) => Ok(None),
        (Some(Ok(contact)), None) => match contact.address() {
            Some(address) => {
                let uri = address.uri.as_sip().ok_or(DialogError::BadContact)?;
                Ok(Some(Uri::Sip(uri.as_request_uri())))
            }
            None => Err(DialogError::BadContact),
        },
        _ => Err(DialogError::BadContact),
    }
}
