use super::{Conference, ConferenceInfo, EndpointStatus, JoiningMethod, MediaStatus};
use crate::limits::Limits;
use crate::payload::versioned::Merge;
use crate::payload::xml::name::CONFERENCE_INFO;

fn parse(text: &str) -> ConferenceInfo {
    ConferenceInfo::parse(text.as_bytes(), &Limits::default()).unwrap()
}

fn document(version: u64, state: &str, content: &str) -> ConferenceInfo {
    parse(&format!(
        "<conference-info xmlns='{CONFERENCE_INFO}' entity='sip:c@x' state='{state}' version='{version}'>{content}</conference-info>"
    ))
}

#[test]
fn the_rich_example_is_read() {
    let info = parse(include_str!("../../../../vectors/payload/rfc4575/7.2.xml"));
    assert_eq!((info.version, info.entity.as_str()), (5, "sips:conf233@example.com"));
    let users = &info.users.as_ref().unwrap().users;
    let endpoint = &users[0].endpoints[0];
    assert_eq!(users[0].display_text.as_deref(), Some("Bob Hoskins"));
    assert_eq!(users[0].roles.as_ref().unwrap().entries, ["participant"]);
    assert_eq!(endpoint.joining_method, Some(JoiningMethod::DialedOut));
    assert_eq!(endpoint.disconnection_info.as_ref().and_then(|info| info.by.as_deref()), Some("sip:mike@example.com"));
    assert_eq!(endpoint.media[0].src_id.as_deref(), Some("432424"));
    assert_eq!(ConferenceInfo::parse(info.write().as_bytes(), &Limits::default()), Ok(info));
}

#[test]
fn users_and_endpoints_are_merged_by_their_state() {
    let limits = Limits::default();
    let mut conference = Conference::default();
    let full = "<conference-description><subject>one</subject></conference-description><users>\
        <user entity='a'><display-text>A</display-text><endpoint entity='a1'><status>pending</status><media id='1'><type>audio</type></media></endpoint>\
        <endpoint entity='a2'/></user><user entity='b'/></users><sidebars-by-ref><entry><uri>s</uri></entry></sidebars-by-ref>";
    assert_eq!(conference.apply(document(3, "partial", ""), &limits), Merge::Gap);
    assert_eq!(conference.apply(document(3, "full", full), &limits), Merge::Applied);
    let partial = "<conference-state><user-count>2</user-count></conference-state><users state='partial'>\
        <user entity='a' state='partial'><endpoint entity='a1' state='partial'><status>connected</status>\
        <media id='2'><status>sendrecv</status></media></endpoint><endpoint entity='a2' state='deleted'/></user>\
        <user entity='b' state='deleted'/><user entity='c' state='partial'><display-text>C</display-text></user></users>\
        <sidebars-by-ref state='deleted'/>";
    assert_eq!(conference.apply(document(5, "partial", partial), &limits), Merge::Gap);
    assert_eq!(conference.apply(document(4, "partial", partial), &limits), Merge::Applied);
    assert_eq!(conference.apply(document(4, "partial", partial), &limits), Merge::Stale);
    let info = conference.info();
    assert_eq!(info.description.as_ref().and_then(|about| about.subject.as_deref()), Some("one"));
    assert_eq!(info.conference_state.as_ref().and_then(|state| state.user_count), Some(2));
    assert_eq!(info.sidebars_by_ref, None);
    let users = &info.users.as_ref().unwrap().users;
    assert_eq!(users.iter().map(|user| user.entity.as_deref()).collect::<Vec<_>>(), [Some("a"), Some("c")]);
    assert_eq!((users[0].display_text.as_deref(), users[0].endpoints.len()), (Some("A"), 1));
    let endpoint = &users[0].endpoints[0];
    assert_eq!((endpoint.status.as_ref(), endpoint.media.len()), (Some(&EndpointStatus::Connected), 2));
    assert_eq!(endpoint.media[1].status, Some(MediaStatus::Sendrecv));
    assert!(
        users.iter().all(|user| user.state.is_none() && user.endpoints.iter().all(|endpoint| endpoint.state.is_none()))
    );

    // An element without a state is full, also within a partial one.
    let replaced = "<users state='partial'><user entity='a'><display-text>AA</display-text></user></users>";
    assert_eq!(conference.apply(document(5, "partial", replaced), &limits), Merge::Applied);
    let user = &conference.info().users.as_ref().unwrap().users[0];
    assert_eq!((user.display_text.as_deref(), user.endpoints.len()), (Some("AA"), 0));
    assert!(!conference.has_ended());
    assert_eq!(conference.apply(document(9, "deleted", full), &limits), Merge::Applied);
    assert!(conference.has_ended());
    assert_eq!((&conference.info().users, conference.info().version), (&None, 9));
}

#[test]
fn sidebars_by_value_are_merged_by_their_entity() {
    let limits = Limits::default();
    let mut conference = Conference::default();
    let full = "<sidebars-by-val><entry entity='x'/><entry entity='y'/></sidebars-by-val><e xmlns='urn:e'>1</e>";
    let partial = "<sidebars-by-val state='partial'><entry entity='x' state='deleted'/><entry entity='z'/></sidebars-by-val><e xmlns='urn:e'>2</e>";
    assert_eq!(conference.apply(document(0, "full", full), &limits), Merge::Applied);
    assert_eq!(conference.apply(document(1, "partial", partial), &limits), Merge::Applied);
    let sidebars = conference.info().sidebars_by_val.as_ref().unwrap();
    let entities: Vec<_> = sidebars.entries.iter().filter_map(|entry| entry.attribute("entity")).collect();
    assert_eq!(entities, ["y", "z"]);
    assert_eq!(conference.info().extensions.iter().map(|element| element.text()).collect::<Vec<_>>(), ["2"]);
}

#[test]
fn a_focus_cannot_make_the_state_grow() {
    let limits = Limits { state_rows: 4, ..Limits::default() };
    let mut conference = Conference::default();
    assert_eq!(conference.apply(document(0, "full", ""), &limits), Merge::Applied);
    for version in 1..20 {
        let content = format!("<users state='partial'><user entity='{version}'/></users>");
        assert_eq!(conference.apply(document(version, "partial", &content), &limits), Merge::Applied);
    }
    assert_eq!(conference.info().users.as_ref().map(|users| users.users.len()), Some(4));
}
