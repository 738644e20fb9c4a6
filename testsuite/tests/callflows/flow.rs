//! A call flow as it is read, and what is remembered of its messages.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use bytes::Bytes;
use sipsimple_core::limits::Limits;
use sipsimple_core::sip::{CSeq, Contact, Headers, Message, Method, NameAddr, RecordRoute, Route, Via};

/// One Via value: who wrote it, under which branch, and where the next one saw it come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hop {
    pub(crate) sent_by: String,
    pub(crate) branch: String,
    pub(crate) received: Option<IpAddr>,
}

impl Hop {
    /// Whether both are of one transaction.
    pub(crate) fn is_that_of(&self, other: &Self) -> bool {
        self.sent_by == other.sent_by && self.branch == other.branch
    }
}

/// A message on its way from one to the next.
pub(crate) struct Step {
    pub(crate) from_node: String,
    pub(crate) to_node: String,
    /// None for a response.
    pub(crate) uri: Option<String>,
    /// None for a request.
    pub(crate) code: Option<u16>,
    pub(crate) hops: Vec<Hop>,
    pub(crate) from: NameAddr,
    pub(crate) to: NameAddr,
    pub(crate) call_id: String,
    pub(crate) cseq: CSeq,
    pub(crate) contact: Option<String>,
    pub(crate) routes: Vec<String>,
    pub(crate) record_routes: Vec<String>,
    pub(crate) max_forwards: Option<u8>,
    /// Challenges and credentials.
    pub(crate) digests: Digests,
    pub(crate) body: Bytes,
}

/// The values of the fields of HTTP Digest.
#[derive(Default)]
pub(crate) struct Digests {
    pub(crate) challenges: Vec<String>,
    pub(crate) credentials: Vec<String>,
}

impl Step {
    /// Reads a message, all of whose fields are expected to be sound.
    fn read(from_node: &str, to_node: &str, octets: &Bytes) -> Self {
        let message = Message::parse(octets.clone(), &Limits::default()).expect("a message");
        let (essentials, uri, code) = match &message {
            Message::Request(request) => (request.validate(), Some(request.uri().expect("a URI").to_string()), None),
            Message::Response(response) => (response.validate(), None, Some(response.code())),
        };
        let essentials = essentials.expect("a message that passes the checks");
        let headers = message.headers();
        let hops: Vec<_> = headers.all::<Via>().map(|via| hop(&via.expect("a Via"))).collect();
        assert_eq!(hops.len(), essentials.via_count);
        assert_eq!(hops.first(), Some(&hop(&essentials.via)));
        let digests = Digests {
            challenges: values(headers, &["WWW-Authenticate", "Proxy-Authenticate"]),
            credentials: values(headers, &["Authorization", "Proxy-Authorization"]),
        };
        Self {
            from_node: from_node.to_owned(),
            to_node: to_node.to_owned(),
            uri,
            code,
            hops,
            from: essentials.from,
            to: essentials.to,
            call_id: essentials.call_id.to_string(),
            cseq: essentials.cseq,
            contact: headers.all::<Contact>().next().map(|contact| match contact.expect("a Contact") {
                Contact::Address(contact) => contact.uri.to_string(),
                Contact::Star => "*".to_owned(),
            }),
            routes: headers.all::<Route>().map(|route| route.expect("a Route").0.uri.to_string()).collect(),
            record_routes: headers
                .all::<RecordRoute>()
                .map(|route| route.expect("a Record-Route").0.uri.to_string())
                .collect(),
            max_forwards: essentials.max_forwards,
            digests,
            body: headers.body(),
        }
    }

    /// The one who wrote the message, the top of its Via values.
    pub(crate) fn top(&self) -> &Hop {
        &self.hops[0]
    }

    /// Whether it is a request of this method.
    pub(crate) fn is(&self, method: &Method) -> bool {
        self.uri.is_some() && self.cseq.method == *method
    }

    /// Whether its sender is at an end of the call, and no proxy.
    pub(crate) fn by_user_agent(&self) -> bool {
        is_user_agent(&self.from_node)
    }
}

/// Whether a node is at an end of the calls.
pub(crate) fn is_user_agent(node: &str) -> bool {
    matches!(node, "Alice" | "Bob")
}

fn hop(via: &Via) -> Hop {
    let port = via.port.map_or_else(String::new, |port| format!(":{port}"));
    Hop {
        sent_by: format!("{} {}{port}", via.transport, via.host),
        branch: via.branch().expect("a branch").to_owned(),
        received: via.received(),
    }
}

fn values(headers: &Headers, names: &[&str]) -> Vec<String> {
    headers
        .fields()
        .filter(|(name, _, _)| names.contains(name))
        .map(|(_, _, value)| String::from_utf8(value.to_vec()).expect("UTF-8"))
        .collect()
}

/// A flow, as far as it has been read.
#[derive(Default)]
pub(crate) struct Flow {
    pub(crate) steps: Vec<Step>,
    /// By Call-ID, caller's and callee's tag: the Record-Route that the callee saw.
    pub(crate) dialogs: BTreeMap<(String, String, String), Vec<String>>,
    /// By Call-ID and user agent: its Contact.
    pub(crate) targets: BTreeMap<(String, String), String>,
    /// By Call-ID and user agent: the number of its last request.
    pub(crate) numbers: BTreeMap<(String, String), u32>,
    /// By realm: the nonces that challenges gave.
    pub(crate) nonces: BTreeMap<String, BTreeSet<String>>,
    /// By Call-ID and user agent: its last session description.
    pub(crate) descriptions: BTreeMap<(String, String), String>,
}

impl Flow {
    /// The next message of the flow, and in what it is at odds with the messages before it.
    pub(crate) fn step(&mut self, from: &str, to: &str, octets: &Bytes) -> BTreeSet<&'static str> {
        let step = Step::read(from, to, octets);
        let repeated = self.steps.iter().any(|earlier| {
            earlier.from_node == from
                && earlier.uri.is_some()
                && earlier.uri == step.uri
                && earlier.hops == step.hops
                && earlier.cseq == step.cseq
        });
        let defects = if repeated {
            BTreeSet::new()
        } else if step.uri.is_some() {
            self.defects_of_request(&step)
        } else {
            self.defects_of_response(&step)
        };
        self.remember(&step);
        self.steps.push(step);
        defects
    }

    fn remember(&mut self, step: &Step) {
        let by = (step.call_id.clone(), step.from_node.clone());
        for challenge in &step.digests.challenges {
            self.nonces.entry(parameter(challenge, "realm")).or_default().insert(parameter(challenge, "nonce"));
        }
        if !step.by_user_agent() {
            return;
        }
        if !step.body.is_empty() {
            self.descriptions.insert(by.clone(), String::from_utf8(step.body.to_vec()).expect("UTF-8"));
        }
        let sets_dialog_up =
            step.cseq.method == Method::Invite && step.code.is_none_or(|code| (101..300).contains(&code));
        if let (true, Some(contact)) = (sets_dialog_up, &step.contact) {
            self.targets.insert(by.clone(), contact.clone());
        }
        if let (true, Some(_), Some(from), Some(to)) = (sets_dialog_up, step.code, step.from.tag(), step.to.tag()) {
            let id = (step.call_id.clone(), from.to_owned(), to.to_owned());
            self.dialogs.entry(id).or_insert_with(|| step.record_routes.clone());
        }
        if step.uri.is_some() && !step.is(&Method::Ack) && !step.is(&Method::Cancel) {
            self.numbers.insert(by, step.cseq.number);
        }
    }
}

/// A parameter of a challenge or of credentials, without its quotes.
pub(crate) fn parameter(value: &str, name: &str) -> String {
    let (_, rest) = value.split_once(&format!("{name}=\"")).expect("the parameter");
    rest.split('"').next().expect("its value").to_owned()
}
