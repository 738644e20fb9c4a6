//! Events as flat JSON objects under the seeds' notification names.
//!
//! ```text
//! {"t":0.012,"name":"SIPSessionGotProvisionalResponse","code":183,"reason":"Session Progress","session":0,"timestamp":"…"}
//! ```

use serde_json::{Map, Value, json};
use sipsimple_audio::engine::AudioEvent;
use sipsimple_audio::mixer::Slot;
use sipsimple_audio::port::PortEvent;
use sipsimple_core::agent;
use sipsimple_core::time::Instant;
use sipsimple_drivers::{Event, EventKind};

/// The line of an event: `t` in seconds since the start, `name`, and the event's data.
///
/// News that the seeds have no name for is named after what it is of and what happened, as in `TransportListening`.
pub(crate) fn line(event: &Event) -> String {
    line_of(event, None)
}

/// The same, with the `party` whose event it is.
pub(crate) fn line_of(event: &Event, party: Option<&str>) -> String {
    let mut data = Map::new();
    if let Some(party) = party {
        data.insert("party".into(), party.into());
    }
    data.insert("timestamp".into(), event.timestamp.to_string().into());
    let (of, what) = match &event.kind {
        EventKind::Application(event) => ("application", serde_json::to_value(event)),
        EventKind::Agent(agent::EventKind::Transport { id, event }) => {
            data.insert("socket".into(), json!(id));
            ("transport", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::Account { id, event }) => {
            data.insert("account".into(), json!(id));
            ("account", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::Registration { account, event }) => {
            data.insert("account".into(), json!(account));
            ("registration", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::Session { id, event }) => {
            data.insert("session".into(), json!(id));
            ("session", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::Stream { id, session, kind, event }) => {
            data.insert("stream".into(), json!(id));
            data.insert("session".into(), json!(session));
            data.insert("type".into(), json!(kind));
            ("stream", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::MsrpLog { conn, event }) => {
            data.insert("connection".into(), json!(conn));
            ("msrp_log", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::Subscription { id, account, supervised, event }) => {
            data.insert("subscription".into(), json!(id));
            data.insert("account".into(), json!(account));
            data.insert("supervised".into(), json!(supervised));
            ("subscription", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::IncomingSubscription { id, account, event }) => {
            data.insert("incoming_subscription".into(), json!(id));
            data.insert("account".into(), json!(account));
            ("incoming_subscription", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::Publication { id, account, published, event }) => {
            data.insert("publication".into(), json!(id));
            data.insert("account".into(), json!(account));
            data.insert("published".into(), json!(published));
            ("publication", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::Message { id, account, event }) => {
            data.insert("message".into(), json!(id));
            data.insert("account".into(), json!(account));
            ("message", serde_json::to_value(event))
        }
        EventKind::Agent(agent::EventKind::Settings(event)) => ("settings", serde_json::to_value(event)),
        EventKind::Agent(other) => ("agent", serde_json::to_value(other)),
        EventKind::Statistics { stream, statistics } => {
            data.insert("stream".into(), json!(stream));
            ("stream", Ok(json!({ "statistics": statistics })))
        }
        EventKind::Audio(event) => ("", Ok(audio(event, &mut data).into())),
        EventKind::FileHash { id, event } => {
            data.insert("file_hash".into(), json!(id));
            ("file_hash", serde_json::to_value(event))
        }
        _ => ("", Ok(Value::Null)),
    };
    let mut what = what.unwrap_or_default();
    hide_keys(&mut what);
    let variant = fields(what, &mut data);
    let name = event.names().first().map_or_else(|| camel(of) + &camel(&variant), |name| (*name).to_owned());
    object(event.at, &name, data)
}

/// Replaces the master keys of SRTP and the passwords of ICE, wherever they stand: a log is no place for them.
fn hide_keys(value: &mut Value) {
    let Value::Object(object) = value else { return };
    for (name, value) in object {
        if name == "srtp" {
            for place in ["/send/key", "/receive/key"] {
                if let Some(key) = value.pointer_mut(place) {
                    *key = "***".into();
                }
            }
        }
        if name == "ice"
            && let Some(password) = value.pointer_mut("/password")
        {
            *password = "***".into();
        }
        hide_keys(value);
    }
}

/// A line with this time, name and data.
pub(crate) fn object(at: Instant, name: &str, data: Map<String, Value>) -> String {
    let millis = at.as_millis();
    // Exact, which a floating-point number is not.
    let seconds = format!("{}.{:03}", millis / 1000, millis % 1000);
    let t = seconds.trim_end_matches('0').trim_end_matches('.');
    let head = json!({ "name": name }).to_string();
    let rest = Value::Object(data).to_string();
    let comma = if rest == "{}" { "" } else { "," };
    format!("{{\"t\":{t},{}{comma}{}", &head[1..head.len() - 1], &rest[1..])
}

/// Takes the data of an event of the audio over into `data`, and gives back its name, for news without one of the seeds'.
fn audio(event: &AudioEvent, data: &mut Map<String, Value>) -> &'static str {
    let mut put = |name: &str, value: Value| drop(data.insert(name.into(), value));
    match event {
        AudioEvent::Port { port, event } => {
            put("port", port.to_string().into());
            match event {
                PortEvent::WavePlayerDidFail { error } => put("error", error.to_string().into()),
                PortEvent::WaveRecorderDidFail { error } => {
                    put("error", error.to_string().into());
                    return "WaveRecorderDidFail";
                }
                PortEvent::AudioDeviceDidFail => return "AudioDeviceDidFail",
                _ => {}
            }
        }
        AudioEvent::AudioPortDidChangeSlots {
            port,
            consumer_slot_changed,
            producer_slot_changed,
            old_consumer_slot,
            new_consumer_slot,
            old_producer_slot,
            new_producer_slot,
        } => {
            put("port", port.to_string().into());
            put("consumer_slot_changed", (*consumer_slot_changed).into());
            put("producer_slot_changed", (*producer_slot_changed).into());
            put("old_consumer_slot", old_consumer_slot.map(Slot::number).into());
            put("new_consumer_slot", new_consumer_slot.map(Slot::number).into());
            put("old_producer_slot", old_producer_slot.map(Slot::number).into());
            put("new_producer_slot", new_producer_slot.map(Slot::number).into());
        }
        AudioEvent::WillStartRecording { stream, filename }
        | AudioEvent::DidStartRecording { stream, filename }
        | AudioEvent::WillStopRecording { stream, filename } => {
            put("stream", json!(stream));
            put("filename", json!(filename));
        }
        AudioEvent::DidStopRecording { stream, filename, reason } => {
            put("stream", json!(stream));
            put("filename", json!(filename));
            put("reason", json!(reason));
        }
        _ => {}
    }
    "AudioEvent"
}

/// Takes an event's fields over into `data`, and gives back the name of its variant.
fn fields(event: Value, data: &mut Map<String, Value>) -> String {
    match event {
        Value::String(variant) => variant,
        Value::Object(map) => {
            let Some((variant, inner)) = map.into_iter().next() else { return String::new() };
            match inner {
                Value::Object(fields) => data.extend(fields),
                inner => drop(data.insert(variant.clone(), inner)),
            }
            variant
        }
        _ => String::new(),
    }
}

/// `did_start` as `DidStart`.
fn camel(word: &str) -> String {
    let capital = |part: &str| {
        let mut letters = part.chars();
        letters.next().map(|first| first.to_uppercase().chain(letters).collect::<String>()).unwrap_or_default()
    };
    word.split('_').map(capital).collect()
}

#[cfg(test)]
mod tests {
    use sipsimple_core::agent::TransportEvent;
    use sipsimple_core::id::{SessionId, SocketId, StreamId};
    use sipsimple_core::session::SessionEvent;
    use sipsimple_core::stream::StreamEvent;
    use sipsimple_core::time::Utc;
    use sipsimple_core::transport::Transport;
    use sipsimple_drivers::ApplicationEvent;

    use super::*;

    fn event(kind: EventKind) -> Event {
        Event { at: Instant::from_millis(12), timestamp: Utc { unix_millis: 0 }, kind }
    }

    #[test]
    fn keys_are_hidden() {
        let mut value = json!({ "did_start": { "parameters": {
            "srtp": { "send": { "suite": "a", "key": "b" }, "receive": { "suite": "c", "key": "d" } }, "ptime": 20,
            "ice": { "ufrag": "e", "password": "f" },
        } } });
        hide_keys(&mut value);
        assert_eq!(
            value,
            json!({ "did_start": { "parameters": {
                "srtp": { "send": { "suite": "a", "key": "***" }, "receive": { "suite": "c", "key": "***" } }, "ptime": 20,
                "ice": { "ufrag": "e", "password": "***" },
            } } })
        );
    }

    #[test]
    fn events_have_the_seeds_names_and_their_data() {
        let session = SessionId::from_u64(7);
        let got = SessionEvent::GotProvisionalResponse { code: 183, reason: "Session \"Progress\"".into() };
        let kind = EventKind::Agent(agent::EventKind::Session { id: session, event: got });
        assert_eq!(
            line(&event(kind)),
            r#"{"t":0.012,"name":"SIPSessionGotProvisionalResponse","code":183,"reason":"Session \"Progress\"","session":7,"timestamp":"1970-01-01T00:00:00.000Z"}"#
        );
        let got = StreamEvent::GotDtmf { digit: '#' };
        let (id, kind) = (StreamId::from_u64(3), "audio".into());
        let kind = EventKind::Agent(agent::EventKind::Stream { id, session, kind, event: got });
        let value: Value = serde_json::from_str(&line(&event(kind))).unwrap();
        assert_eq!(value["name"], "AudioStreamGotDTMF");
        assert_eq!((&value["stream"], &value["session"], &value["digit"]), (&json!(3), &json!(7), &json!("#")));
    }

    #[test]
    fn what_the_seeds_do_not_name_is_named_after_itself() {
        let listening =
            TransportEvent::Listening { transport: Transport::Tcp, local: "127.0.0.1:5060".parse().unwrap() };
        let kind = EventKind::Agent(agent::EventKind::Transport { id: SocketId::from_u64(0), event: listening });
        let value: Value = serde_json::from_str(&line(&event(kind))).unwrap();
        assert_eq!((&value["name"], &value["local"]), (&json!("TransportListening"), &json!("127.0.0.1:5060")));
        for (kind, name) in [
            (EventKind::Agent(agent::EventKind::ShutDown), "AgentShutDown"),
            (EventKind::Application(ApplicationEvent::TraceFailed { error: "full".into() }), "ApplicationTraceFailed"),
            (EventKind::Application(ApplicationEvent::DidEnd), "SIPApplicationDidEnd"),
        ] {
            let value: Value = serde_json::from_str(&line(&event(kind))).unwrap();
            assert_eq!(value["name"], name);
        }
    }

    #[test]
    fn news_of_the_audio_has_names_and_data_too() {
        let (stream, filename) = (StreamId::from_u64(2), "/tmp/a.wav".into());
        let stopped = AudioEvent::DidStopRecording { stream, filename, reason: None };
        let value: Value = serde_json::from_str(&line(&event(EventKind::Audio(stopped)))).unwrap();
        assert_eq!(value["name"], "AudioStreamDidStopRecordingAudio");
        assert_eq!(
            (&value["stream"], &value["filename"], &value["reason"]),
            (&json!(2), &json!("/tmp/a.wav"), &Value::Null)
        );
        let port = sipsimple_audio::engine::PortId::device(sipsimple_audio::engine::MixerId::VOICE);
        let failed = AudioEvent::Port { port, event: PortEvent::AudioDeviceDidFail };
        let value: Value = serde_json::from_str(&line(&event(EventKind::Audio(failed)))).unwrap();
        assert_eq!((&value["name"], &value["port"]), (&json!("AudioDeviceDidFail"), &json!("port-0-0")));
    }

    #[test]
    fn an_object_without_data_is_one() {
        assert_eq!(object(Instant::from_millis(1500), "x", Map::new()), r#"{"t":1.5,"name":"x"}"#);
    }

    #[test]
    fn the_time_is_exact() {
        for (millis, t) in [(0, "0"), (7, "0.007"), (1590, "1.59"), (1910, "1.91"), (2000, "2"), (100_000, "100")] {
            assert_eq!(object(Instant::from_millis(millis), "x", Map::new()), format!(r#"{{"t":{t},"name":"x"}}"#));
        }
    }
}
