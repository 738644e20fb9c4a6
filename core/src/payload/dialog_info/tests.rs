use super::{DialogInfo, DialogState, Dialogs, Event};
use crate::limits::Limits;
use crate::payload::versioned::Merge;
use crate::payload::{Error, Fault};

fn parse(text: &str) -> Result<DialogInfo, Error> {
    DialogInfo::parse(text.as_bytes(), &Limits::default())
}

macro_rules! vector {
    ($name:literal) => {
        parse(include_str!(concat!("../../../../vectors/payload/rfc4235/", $name, ".xml"))).unwrap()
    };
}

#[test]
fn the_sample_is_read_once_it_says_whose_it_is() {
    let sample = include_str!("../../../../vectors/payload/rfc4235/4.2.xml");
    assert_eq!(parse(sample).expect_err("nobody's").fault, Fault::Missing("entity"));
    let document = parse(&sample.replace("version=", "entity=\"sip:alice@example.com\" version=")).unwrap();
    assert_eq!(document.version, 1);
    let dialog = &document.dialogs[0];
    assert_eq!((dialog.state.state, dialog.direction.as_ref()), (DialogState::Confirmed, None));
    assert_eq!(dialog.duration, Some(274));
    let local = dialog.local.as_ref().unwrap();
    let identity = local.identity.as_ref().unwrap();
    assert_eq!((identity.uri.as_str(), identity.attributes[0].value.as_str()), ("sip:alice@example.com", "Alice"));
    let target = local.target.as_ref().unwrap();
    assert_eq!((target.params[0].name.as_str(), target.params[0].value.as_str()), ("isfocus", "true"));
    assert_eq!(DialogInfo::parse(document.write().as_bytes(), &Limits::default()), Ok(document));
}

#[test]
fn the_basic_example_is_followed() {
    let limits = Limits::default();
    let mut dialogs = Dialogs::default();
    let mut states = Vec::new();
    for document in [vector!("6.1"), vector!("6.1-2"), vector!("6.1-3"), vector!("6.1-4"), vector!("6.1-5")] {
        let version = document.version;
        assert_eq!(dialogs.apply(document.clone(), &limits), Merge::Applied, "{version}");
        assert_eq!(dialogs.apply(document, &limits), Merge::Stale, "{version}");
        states.push(dialogs.rows().iter().map(|dialog| dialog.state.state).collect::<Vec<_>>());
    }
    use DialogState::{Confirmed, Early, Terminated, Trying};
    // The third document gives both forks one id, so they are one row.
    assert_eq!(states, [[Trying], [Early], [Early], [Confirmed], [Terminated]]);
}

#[test]
fn a_missed_version_asks_for_full_state() {
    let limits = Limits::default();
    let mut dialogs = Dialogs::default();
    let text = |version: u64, state: &str, dialog: &str| {
        let text = format!(
            "<dialog-info xmlns='urn:ietf:params:xml:ns:dialog-info' version='{version}' state='{state}' entity='sip:a@b'>{dialog}</dialog-info>"
        );
        parse(&text).unwrap()
    };
    let ended = "<dialog id='x'><state event='remote-bye' code='200'>terminated</state></dialog>";
    assert_eq!(dialogs.apply(text(0, "partial", ""), &limits), Merge::Gap);
    assert_eq!(dialogs.apply(text(0, "full", "<dialog id='x'><state>early</state></dialog>"), &limits), Merge::Applied);
    assert_eq!(dialogs.apply(text(2, "partial", ended), &limits), Merge::Gap);
    assert_eq!(dialogs.rows()[0].state.state, DialogState::Early);
    assert_eq!(dialogs.apply(text(3, "full", ended), &limits), Merge::Applied);
    assert_eq!(dialogs.rows()[0].state.event, Some(Event::RemoteBye));
    assert_eq!(dialogs.apply(text(4, "partial", ""), &limits), Merge::Applied);
    assert_eq!(dialogs.rows(), []);
}

#[test]
fn what_is_no_dialog_information_is_refused() {
    let open = "<dialog-info xmlns='urn:ietf:params:xml:ns:dialog-info' version='0' state='full' entity='a'>";
    for (content, fault) in [
        ("<dialog><state>early</state></dialog>", Fault::Missing("id")),
        ("<dialog id='x'/>", Fault::Missing("state")),
        ("<dialog id='x'><state>asleep</state></dialog>", Fault::Value("state".into())),
        ("<dialog id='x'><state code='many'>early</state></dialog>", Fault::Value("code".into())),
    ] {
        assert_eq!(parse(&format!("{open}{content}</dialog-info>")).expect_err(content).fault, fault, "{content}");
    }
    for (root, fault) in [
        (
            "<dialog-info xmlns='urn:ietf:params:xml:ns:dialog-info' version='-1' state='full' entity='a'/>",
            Fault::Value("version".into()),
        ),
        ("<dialog-info xmlns='urn:ietf:params:xml:ns:dialog-info' version='0' entity='a'/>", Fault::Missing("state")),
        ("<dialog-info xmlns='urn:x' version='0' state='full' entity='a'/>", Fault::Root("dialog-info")),
    ] {
        assert_eq!(parse(root).expect_err(root).fault, fault, "{root}");
    }
}
