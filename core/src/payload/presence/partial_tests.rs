use super::partial::{PartialPresence, PidfDiff};
use crate::limits::Limits;
use crate::payload::presence::{Basic, Presence};
use crate::payload::versioned::Merge;

const HEAD: &str = "xmlns='urn:ietf:params:xml:ns:pidf' xmlns:p='urn:ietf:params:xml:ns:pidf-diff' \
                    xmlns:dm='urn:ietf:params:xml:ns:pidf:data-model' xmlns:r='urn:ietf:params:xml:ns:pidf:rpid' entity='pres:a@b'";

fn parse(text: &str) -> PidfDiff {
    PidfDiff::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn full(version: u32, content: &str) -> PidfDiff {
    parse(&format!("<p:pidf-full {HEAD} version='{version}'>{content}</p:pidf-full>"))
}

fn diff(version: u32, operations: &str) -> PidfDiff {
    parse(&format!("<p:pidf-diff {HEAD} version='{version}'>{operations}</p:pidf-diff>"))
}

const FIRST: &str = "<tuple id='t1'><status><basic>open</basic></status><contact priority='0.5'>sip:a@b</contact></tuple>\
                     <tuple id='t2'><status><basic>closed</basic></status></tuple><note>one</note>\
                     <dm:person id='p1'><r:activities><r:busy/></r:activities></dm:person>";

/// The operations of RFC 5262 section 4.
#[test]
fn patches_change_what_they_name() {
    let known = |operations: &str| {
        let mut presence = PartialPresence::default();
        assert_eq!(presence.apply(full(1, FIRST), &Limits::default()).0, Merge::Applied);
        let (merge, presence) = presence.apply(diff(2, operations), &Limits::default());
        assert_eq!((merge, presence.is_some()), (Merge::Applied, true), "{operations}");
        presence.unwrap_or_default()
    };
    let status = |presence: &Presence| -> Vec<(String, Option<Basic>)> {
        presence.tuples.iter().map(|tuple| (tuple.id.clone(), tuple.status.basic)).collect()
    };
    let replaced = known("<p:replace sel=\"*/tuple[@id='t2']/status/basic/text()\">open</p:replace>");
    assert_eq!(status(&replaced), [("t1".into(), Some(Basic::Open)), ("t2".into(), Some(Basic::Open))]);
    let added = known(
        "<p:add sel='presence/note' pos='before'><tuple id='t3'><status><basic>open</basic></status></tuple></p:add>",
    );
    assert_eq!(added.tuples.iter().map(|tuple| tuple.id.as_str()).collect::<Vec<_>>(), ["t1", "t2", "t3"]);
    let attribute = known("<p:replace sel=\"*/tuple[@id='t1']/contact/@priority\">0.7</p:replace>");
    let priority = |presence: &Presence| presence.tuples[0].contact.as_ref().unwrap().priority;
    assert_ne!(priority(&attribute), priority(&known("")));
    let removed = known("<p:remove sel='*/dm:person/r:activities/r:busy' ws='after'/><p:remove sel='*/tuple[2]'/>");
    assert_eq!((removed.tuples.len(), removed.persons.len()), (1, 1));
    let several = known(
        "<p:add sel='presence'><note>two</note></p:add><p:replace sel='*/note[1]'><note>zero</note></p:replace>\
         <p:add sel=\"*/tuple[status/basic]\" type='namespace::x'>urn:x</p:add>"
            .replace("*/tuple[status/basic]", "*/tuple[contact='sip:a@b']")
            .as_str(),
    );
    assert_eq!(several.notes.iter().map(|note| note.text.as_str()).collect::<Vec<_>>(), ["zero", "two"]);
}

#[test]
fn versions_are_followed_and_what_does_not_fit_is_a_gap() {
    let limits = Limits::default();
    let note = |version: u32| diff(version, "<p:replace sel='*/note/text()'>x</p:replace>");
    let mut presence = PartialPresence::default();
    assert_eq!(presence.apply(note(1), &limits).0, Merge::Gap);
    assert_eq!(presence.apply(full(3, FIRST), &limits).0, Merge::Applied);
    assert_eq!(presence.apply(note(3), &limits).0, Merge::Stale);
    assert_eq!(presence.apply(note(5), &limits).0, Merge::Gap);
    assert_eq!(presence.apply(note(4), &limits).0, Merge::Applied);
    for wrong in [
        "<p:remove sel='*/tuple'/>",
        "<p:remove sel='*/nothing'/>",
        "<p:remove sel='id(\"t1\")'/>",
        "<p:remove sel='other/note'/>",
        "<p:remove sel='*/x:note'/>",
        "<p:remove sel=\"*/tuple[@id='t1\"/>",
        "<p:remove sel=''/>",
        "<p:remove/>",
        "<p:add sel='*/note' pos='beside'/>",
        "<p:dance sel='*/note'/>",
        "<p:remove sel='presence'/>",
    ] {
        let mut presence = PartialPresence::default();
        assert_eq!(presence.apply(full(1, FIRST), &limits).0, Merge::Applied);
        assert_eq!(presence.apply(diff(2, wrong), &limits).0, Merge::Gap, "{wrong}");
        assert_eq!(presence.apply(diff(3, ""), &limits).0, Merge::Gap, "nothing is known any more");
        assert_eq!(presence.apply(full(4, FIRST), &limits).0, Merge::Applied);
    }
}

#[test]
fn patches_cannot_make_a_document_grow_for_ever() {
    let limits = Limits { payload_bytes: 2000, ..Limits::default() };
    let mut presence = PartialPresence::default();
    assert_eq!(presence.apply(full(1, FIRST), &limits).0, Merge::Applied);
    let add = format!("<p:add sel='presence'><note>{}</note></p:add>", "x".repeat(500));
    let merges: Vec<Merge> = (2..10).map(|version| presence.apply(diff(version, &add), &limits).0).collect();
    assert!(merges[0] == Merge::Applied && merges[7] == Merge::Gap, "{merges:?}");
}

#[test]
fn other_documents_are_refused() {
    for text in [
        "<presence xmlns='urn:ietf:params:xml:ns:pidf' entity='a'/>",
        "<p:pidf-diff xmlns:p='urn:ietf:params:xml:ns:pidf-diff'/>",
    ] {
        assert!(PidfDiff::parse(text.as_bytes(), &Limits::default()).is_err(), "{text}");
    }
}
