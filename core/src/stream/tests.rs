//! The order that a line keeps, whatever its stream says; and the registry.

use std::sync::Arc;

use super::*;
use crate::config::{Config, context};
use crate::id::{AccountId, ConnId, SessionId, SocketId, StreamId};
use crate::negotiation::{Description, Proposed};
use crate::outbox::Outbox;
use crate::random::{Random, Seed};
use crate::sip::{NameAddr, Text};
use crate::time::Instant;

/// Says what it is commanded to say.
#[derive(Debug)]
struct Puppet;

impl MediaStream for Puppet {
    fn kind(&self) -> &'static str {
        "puppet"
    }

    fn initialize(&mut self, _cx: &mut Context<'_>, _proposer: Originator, out: &mut Outbox<Output>) {
        // Too early: it is not starting.
        out.push(Output::Started(None));
    }

    fn local_media(&mut self, _cx: &mut Context<'_>, _offered: Option<&Proposed<'_>>) -> Description {
        Description::opaque("text", "TCP", 1, Vec::new())
    }

    fn start(&mut self, _cx: &mut Context<'_>, _agreement: &Agreement<'_>, out: &mut Outbox<Output>) {
        out.push(Output::Started(None));
    }

    fn update(&mut self, _cx: &mut Context<'_>, _agreement: &Agreement<'_>, _out: &mut Outbox<Output>) {}

    fn end(&mut self, _cx: &mut Context<'_>, out: &mut Outbox<Output>) {
        out.push(Output::Ended);
        out.push(Output::Ended);
    }

    fn input(&mut self, _cx: &mut Context<'_>, _input: Input, _out: &mut Outbox<Output>) {}

    fn command(
        &mut self,
        cx: &mut Context<'_>,
        command: &Command,
        out: &mut Outbox<Output>,
    ) -> Result<(), StreamError> {
        let Command::Custom { name, .. } = command else { return Err(StreamError::NotStarted(cx.stream)) };
        out.push(match name.as_str() {
            "initialized" => Output::Initialized,
            "failed" => Output::Failed { reason: "cut".into(), for_now: true },
            "ended" => Output::Ended,
            _ => Output::Event(StreamEvent::Custom { name: name.clone(), data: bytes::Bytes::new() }),
        });
        Ok(())
    }
}

#[derive(Debug)]
struct PuppetFactory(&'static str, i32);

impl StreamFactory for PuppetFactory {
    fn kind(&self) -> &str {
        self.0
    }

    fn priority(&self) -> i32 {
        self.1
    }

    fn create(
        &self,
        _config: &Config,
        _session: &SessionInfo,
        _spec: &StreamSpec,
    ) -> Result<Box<dyn MediaStream>, Text> {
        Ok(Box::new(Puppet))
    }

    fn recognize(&self, _config: &Config, _session: &SessionInfo, _offered: &Proposed<'_>) -> Recognized {
        Recognized::Unknown
    }
}

fn info() -> SessionInfo {
    let name = NameAddr::parse(&"sip:alice@192.0.2.1".into()).unwrap();
    SessionInfo::new(SessionId::from_u64(0), AccountId::from_u64(0), name.clone(), name)
}

/// What a line tells, in words, when its stream says these things.
fn tell(says: &[&str]) -> Vec<String> {
    let (config, mut random, info) = (Config::default(), Random::new(&Seed::from_u64(1)), info());
    let mut cx = context!(Instant::ZERO, random, config);
    let mut cx = Context::new(&mut cx, &info, StreamId::from_u64(7));
    let mut line = Line::new(StreamId::from_u64(7), Box::new(Puppet));
    let mut out = Outbox::new();
    for said in says {
        match *said {
            "initialize" => line.initialize(&mut cx, Originator::Local, &mut out),
            "end" => line.end(&mut cx, &mut out),
            other => drop(line.command(
                &mut cx,
                &Command::Custom { name: other.into(), data: bytes::Bytes::new() },
                &mut out,
            )),
        }
    }
    std::iter::from_fn(|| out.pop())
        .map(|output| {
            if let Output::Event(StreamEvent::Custom { name, .. }) = &output {
                return name.to_string();
            }
            let Output::Event(event) = output else { return format!("{output:?}") };
            event.names().first().copied().unwrap_or_default().to_owned()
        })
        .collect()
}

#[test]
fn notifications_come_once_and_in_order_whatever_the_stream_says() {
    assert_eq!(tell(&["initialize"]), Vec::<String>::new(), "it has not started");
    assert_eq!(tell(&["initialize", "initialized", "initialized"]), ["MediaStreamDidInitialize"]);
    assert_eq!(tell(&["initialized"]), Vec::<String>::new(), "nobody asked");
    assert_eq!(tell(&["initialize", "hello"]), Vec::<String>::new(), "news before its start");
    assert_eq!(tell(&["initialize", "end", "end"]), ["MediaStreamWillEnd", "MediaStreamDidEnd"]);
    assert_eq!(tell(&["initialize", "failed", "end", "failed"]), ["MediaStreamDidFail"]);
    assert_eq!(tell(&["initialize", "ended", "end"]), ["MediaStreamWillEnd", "MediaStreamDidEnd"]);
    assert_eq!(tell(&["end", "initialize"]), Vec::<String>::new(), "it never began");
}

#[test]
fn a_registry_has_one_factory_of_a_kind_and_those_of_high_priority_first() {
    let mut registry = Registry::default();
    registry.add(Arc::new(PuppetFactory("chat", 1)));
    registry.add(Arc::new(PuppetFactory("file-transfer", 10)));
    registry.add(Arc::new(PuppetFactory("chat", 1)));
    let kinds: Vec<&str> = registry.iter().map(StreamFactory::kind).collect();
    assert_eq!(kinds, ["file-transfer", "audio", "desktop-sharing", "chat"]);
    let custom = |kind: &str| StreamSpec::Custom { kind: kind.into(), data: bytes::Bytes::new() };
    assert_eq!(registry.create(&Config::default(), &info(), &custom("chat")).unwrap().kind(), "puppet");
    let refused = registry.create(&Config::default(), &info(), &custom("smell")).unwrap_err();
    assert_eq!(refused.as_str(), "streams of type 'smell' are not known");
    assert!(registry.create(&Config::default(), &info(), &custom("audio")).is_err());
}

#[test]
fn the_name_of_a_socket_or_connection_tells_whose_it_is() {
    let stream = StreamId::from_u64(70_000);
    assert_eq!(SocketId::of_stream(stream, 255).stream(), Some(stream));
    assert_eq!(ConnId::of_stream(stream, 3).stream(), Some(stream));
    assert_ne!(ConnId::of_stream(stream, 3), ConnId::of_stream(stream, 4));
    assert!(!ConnId::of_stream(stream, 3).is_accepted());
    assert_eq!(SocketId::from_u64(12).stream(), None);
    assert_eq!(ConnId::accepted(u64::MAX / 4).stream(), None, "the driver's names are nobody's");
}
