//! What the registrar holds for us (RFC 3261 section 10.2.4, RFC 5627 section 4.2).

use crate::sip::{Contact, Expires, NameAddr, Response, SipUri, Text, Uri};
use crate::time::Instant;
use crate::transport::Route;

/// What expiry is meant where nothing says one (RFC 3261 section 10.2).
const USUAL: u32 = 3600;

/// Our binding at the registrar.
#[derive(Clone, Debug)]
pub(super) struct Binding {
    /// Our Contact, as it was sent.
    pub(super) contact: NameAddr,
    /// Where the REGISTER went that made it.
    pub(super) registrar: Route,
    /// When the registrar forgets it.
    pub(super) until: Instant,
    /// Whether the registrar does what RFC 5626 asks of it (section 6).
    pub(super) outbound: bool,
    /// The URI that reaches this device from anywhere (RFC 5627).
    pub(super) public_gruu: Option<Uri>,
}

/// What a 2xx to a REGISTER says.
#[derive(Clone, Debug)]
pub(super) struct Registered {
    /// Every Contact, as it is written.
    pub(super) contacts: Vec<Text>,
    /// In how many seconds ours expires.
    pub(super) expires: u32,
    pub(super) outbound: bool,
    pub(super) public_gruu: Option<Uri>,
}

impl Registered {
    /// Reads a 2xx to a REGISTER that carried `contact`. Ours expires as its own parameter says, else as the Expires header does, else in an hour, or when we asked if that is sooner.
    pub(super) fn read(response: &Response, contact: &NameAddr, asked: u32, limit: usize) -> Self {
        let all: Vec<Contact> = response.contacts().flatten().take(limit).collect();
        let own = all.iter().find(|known| is_ours(known, contact));
        let expires = own
            .and_then(Contact::expires)
            .or_else(|| response.get::<Expires>().ok().flatten().map(|Expires(seconds)| seconds))
            .unwrap_or_else(|| USUAL.min(asked));
        let public_gruu = own
            .and_then(Contact::address)
            .and_then(|address| address.params.get("pub-gruu")?)
            .and_then(|text| Uri::parse(&text).ok())
            .map(|uri| uri.detached());
        let contacts = all.iter().filter_map(Contact::address).map(|address| Text::from(address.to_string())).collect();
        let outbound = response.requires().flatten().any(|option| option.is("outbound"));
        Self { contacts, expires, outbound, public_gruu }
    }
}

/// Whether this is our Contact: by RFC 3261 section 19.1.4, or, where a proxy has rewritten the host, by its user, which is ours alone.
fn is_ours(known: &Contact, contact: &NameAddr) -> bool {
    let Some(address) = known.address() else { return false };
    let user = |uri: &Uri| uri.as_sip().and_then(|uri: &SipUri| uri.user.clone());
    address.uri.equivalent(&contact.uri) || user(&address.uri).is_some_and(|known| Some(known) == user(&contact.uri))
}
