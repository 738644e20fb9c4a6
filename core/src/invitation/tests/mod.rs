//! The INVITE usage alone, against scripted messages: RFC 3261 sections 9 and 13 to 15, RFC 5407, the CAN and DLG properties.

#![allow(clippy::wildcard_enum_match_arm, reason = "a test looks for one thing among many")]

mod authentication;
mod body;
mod callee;
mod caller;
mod glare;
mod prack;
mod timer;
mod update;

use std::time::Duration;

use super::*;
use crate::config::{Config, context};
use crate::random::{Random, Seed};
use crate::sip::{Host, Message, Received, Request, Via};
use crate::transport::{Route, Transport};

/// A usage, its surroundings, and what it has said.
struct Run {
    now: Instant,
    random: Random,
    config: Config,
    usage: Option<Invitation>,
    out: Outbox<Output>,
    transactions: u64,
}

const OFFER: &[u8] =
    b"v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n";
const ANSWER: &[u8] =
    b"v=0\r\no=- 2 2 IN IP4 192.0.2.4\r\ns=-\r\nc=IN IP4 192.0.2.4\r\nt=0 0\r\nm=audio 4002 RTP/AVP 0\r\n";

impl Run {
    fn new() -> Self {
        Self {
            now: Instant::ZERO,
            random: Random::new(&Seed::from_u64(1)),
            config: Config::default(),
            usage: None,
            out: Outbox::new(),
            transactions: 0,
        }
    }

    /// A usage that has sent an INVITE, to the first of so many routes.
    fn calling(routes: u16, offer: Option<&[u8]>) -> Self {
        let mut run = Self::new();
        let uri = |text: &str| Uri::parse(&Text::from(text)).unwrap();
        let targets = (0..routes)
            .map(|number| Target {
                hop: Hop::Route(Route::new(Transport::Udp, ([192, 0, 2, 4], 5060 + number).into())),
                contact: uri("sip:alice@192.0.2.1"),
            })
            .collect();
        let invite = Invite {
            from: NameAddr::new(uri("sip:alice@atlanta.com")),
            to: NameAddr::new(uri("sip:bob@biloxi.com")),
            routes: Vec::new(),
            targets,
            offer: offer.map(Bytes::copy_from_slice),
            attached: Vec::new(),
            headers: Vec::new(),
        };
        let usage = run.with(|cx, out| Invitation::invite(cx, invite, out)).unwrap();
        run.usage = Some(usage);
        run
    }

    /// A usage that has taken an INVITE.
    fn called(offer: Option<&[u8]>) -> Self {
        let mut run = Self::new();
        let incoming = run.incoming(&request("INVITE", 1, "", offer));
        let contact = Uri::parse(&Text::from("sip:bob@192.0.2.4")).unwrap();
        let (usage, description) = run.with(|cx, out| Invitation::incoming(cx, incoming, contact, out)).unwrap();
        assert_eq!(description.is_some(), offer.is_some());
        run.usage = Some(usage);
        run
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Context<'_>, &mut Outbox<Output>) -> T) -> T {
        let mut cx = context!(self.now, self.random, self.config);
        act(&mut cx, &mut self.out)
    }

    fn act<T>(&mut self, act: impl FnOnce(&mut Invitation, &mut Context<'_>, &mut Outbox<Output>) -> T) -> T {
        let mut usage = self.usage.take().unwrap();
        let result = self.with(|cx, out| act(&mut usage, cx, out));
        self.usage = Some(usage);
        result
    }

    fn usage(&self) -> &Invitation {
        self.usage.as_ref().unwrap()
    }

    fn incoming(&mut self, request: &Request) -> Incoming {
        self.transactions += 1;
        Incoming {
            transaction: TransactionId::from_u64(self.transactions),
            request: request.clone(),
            essentials: request.validate().unwrap(),
            received: Received { from: "192.0.2.1:5060".parse().unwrap() },
        }
    }

    /// A request of the peer inside the dialog; its transaction.
    fn receive(&mut self, request: &Request) -> TransactionId {
        let incoming = self.incoming(request);
        let transaction = incoming.transaction;
        let id = DialogId::new(
            &incoming.essentials.call_id,
            incoming.essentials.to.tag().unwrap(),
            incoming.essentials.from.tag().unwrap(),
        );
        self.act(|usage, cx, out| usage.request(cx, &id, incoming, out));
        transaction
    }

    /// A response to one of our requests, from the fork with this tag.
    fn answer(&mut self, ticket: Ticket, request: &Request, code: u16, tag: &str, body: Option<&[u8]>) {
        self.answer_with(ticket, request, code, tag, body, |builder| builder);
    }

    /// The same, with more header fields.
    fn answer_with(
        &mut self,
        ticket: Ticket,
        request: &Request,
        code: u16,
        tag: &str,
        body: Option<&[u8]>,
        add: impl FnOnce(crate::sip::Builder<Response>) -> crate::sip::Builder<Response>,
    ) {
        let via = Via::new("UDP", Host::from(std::net::IpAddr::from([192, 0, 2, 1])), None);
        let request = request.with_via(&via.with_param("branch", Some("z9hG4bKx")));
        let mut builder = Response::reply(&request, code, None, Some(tag).filter(|tag| !tag.is_empty()), None)
            .field(crate::sip::HeaderName::Contact, format_args!("<sip:{tag}@192.0.2.4>"));
        if let Some(body) = body {
            builder = builder.body("application/sdp", body);
        }
        let response = add(builder).finish().unwrap();
        self.act(|usage, cx, out| usage.response(cx, ticket, &response, out));
    }

    fn client_ended(&mut self, ticket: Ticket, end: End) {
        self.act(|usage, cx, out| usage.client_ended(cx, ticket, &end, out));
    }

    /// Lets time pass, waking the usage whenever it wants to be; tells when it was.
    fn pass(&mut self, time: Duration) -> Vec<Duration> {
        let until = self.now + time;
        let mut woken = Vec::new();
        while let Some(at) = self.usage().deadline().filter(|at| *at <= until) {
            self.now = at;
            woken.push(at - Instant::ZERO);
            self.act(|usage, cx, out| usage.timeout(cx, out));
        }
        self.now = until;
        woken
    }

    /// What was said since the last look.
    fn said(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.out.pop()).collect()
    }

    /// The only request among what was said.
    fn sent(&mut self) -> (Ticket, Request, Hop) {
        let mut requests = self.said().into_iter().filter_map(|output| {
            if let Output::Request { ticket, request, hop } = output { Some((ticket, request, hop)) } else { None }
        });
        let first = requests.next().expect("a request");
        assert!(requests.next().is_none(), "more than one request");
        first
    }

    fn events(&mut self) -> Vec<Event> {
        let said = self.said().into_iter();
        said.filter_map(|output| if let Output::Event(event) = output { Some(event) } else { None }).collect()
    }
}

/// A short word for each thing said, in order.
fn words(said: &[Output]) -> Vec<String> {
    said.iter()
        .map(|output| match output {
            Output::Request { request, .. } => request.method().to_string(),
            Output::Ack { request, .. } if request.body().is_empty() => "ACK".to_owned(),
            Output::Ack { .. } => "ACK with answer".to_owned(),
            Output::AckAgain { .. } => "ACK again".to_owned(),
            Output::Cancel { .. } => "CANCEL".to_owned(),
            Output::Respond { response, .. } => response.code().to_string(),
            Output::RespondAgain { code, .. } => format!("{code} again"),
            Output::DialogBegan(_) => "began".to_owned(),
            Output::DialogEnded(_) => "ended".to_owned(),
            Output::Event(event) => match event {
                Event::Provisional { .. } => "Provisional",
                Event::Accepted { .. } => "Accepted",
                Event::Refused { .. } => "Refused",
                Event::Acknowledged { .. } => "Acknowledged",
                Event::RefusalDone { .. } => "RefusalDone",
                Event::NotAcknowledged => "NotAcknowledged",
                Event::Cancelled { .. } => "Cancelled",
                Event::Proposal { .. } => "Proposal",
                Event::ProposalCancelled => "ProposalCancelled",
                Event::ProposalAnswered { .. } => "ProposalAnswered",
                Event::Ended { .. } => "Ended",
                Event::ProvisionalAnswered { .. } => "ProvisionalAnswered",
                Event::ProvisionalNotAcknowledged { .. } => "ProvisionalNotAcknowledged",
                Event::Offered { .. } => "Offered",
                Event::UpdateAnswered { .. } => "UpdateAnswered",
                Event::RefreshDue => "RefreshDue",
            }
            .to_owned(),
        })
        .collect()
}

/// A request of the peer, alice, to bob; `tag` is bob's.
fn request(method: &str, cseq: u32, tag: &str, body: Option<&[u8]>) -> Request {
    let tag = if tag.is_empty() { String::new() } else { format!(";tag={tag}") };
    let body = body.unwrap_or_default();
    let mut text = format!(
        "{method} sip:bob@192.0.2.4 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK{method}{cseq}\r\nMax-Forwards: 70\r\n\
         From: <sip:alice@atlanta.com>;tag=A\r\nTo: <sip:bob@biloxi.com>{tag}\r\nCall-ID: c\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:alice@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    text.extend_from_slice(body);
    match Message::parse(text.into(), &crate::limits::Limits::default()).unwrap() {
        Message::Request(request) => request,
        Message::Response(_) => unreachable!("a request was written"),
    }
}
