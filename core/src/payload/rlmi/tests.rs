use bytes::Bytes;

use super::{InstanceState, List, ListNotification, Resources};
use crate::limits::Limits;
use crate::payload::mime::Entity;
use crate::payload::multipart::Multipart;
use crate::payload::presence::{Basic, Presence};
use crate::payload::versioned::Merge;
use crate::payload::xml::name::RLMI;
use crate::payload::{Error, Fault};
use crate::sip::{MediaType, Text};

fn kind(text: &str) -> MediaType {
    MediaType::parse(&Text::from(text)).unwrap()
}

/// A notification with this list, and parts by their Content-IDs.
fn notification(version: u64, full: bool, resources: &str, parts: &[(&str, &str)]) -> ListNotification {
    let list = format!("<list xmlns='{RLMI}' uri='sip:l@x' version='{version}' fullState='{full}'>{resources}</list>");
    let mut all = vec![Entity::new("application/rlmi+xml;charset=\"UTF-8\"", list)];
    all.extend(
        parts
            .iter()
            .map(|(cid, body)| Entity::new("text/plain", (*body).to_owned()).with("Content-ID", &format!("<{cid}>"))),
    );
    let (body, boundary) = Multipart { parts: all }.write(1);
    ListNotification::parse(&kind(&format!("multipart/related;boundary={boundary}")), &body, &Limits::default())
        .unwrap()
}

fn known(resources: &Resources) -> Vec<(String, InstanceState, Option<String>)> {
    let instances = resources.resources().iter().flat_map(|resource| {
        resource.instances.iter().map(|instance| {
            let body = instance.body.as_ref().map(|entity| String::from_utf8_lossy(&entity.body).into_owned());
            (resource.uri.clone(), instance.state, body)
        })
    });
    instances.collect()
}

#[test]
fn partial_lists_are_merged() {
    use InstanceState::{Active, Pending, Terminated};
    let limits = Limits::default();
    let mut resources = Resources::default();
    let full = "<resource uri='a'><name>A</name><instance id='1' state='active' cid='x@y'/></resource><resource uri='b'><instance id='1' \
                state='pending'/></resource>";
    let first = notification(1, true, full, &[("x@y", "open")]);
    let second = notification(
        2,
        false,
        "<resource uri='b'><instance id='1' state='active' cid='z@y'/></resource>",
        &[("z@y", "closed")],
    );
    assert_eq!(resources.apply(&second, &limits), Merge::Gap);
    assert_eq!(resources.apply(&first, &limits), Merge::Applied);
    assert_eq!(known(&resources), [("a".into(), Active, Some("open".into())), ("b".into(), Pending, None)]);
    assert_eq!(resources.apply(&second, &limits), Merge::Applied);
    assert_eq!(
        known(&resources),
        [("a".into(), Active, Some("open".into())), ("b".into(), Active, Some("closed".into()))]
    );
    assert_eq!(resources.apply(&second, &limits), Merge::Stale);
    // No cid: nothing new about the state of the resource.
    let third =
        notification(3, false, "<resource uri='a'><name>AA</name><instance id='1' state='active'/></resource>", &[]);
    assert_eq!(resources.apply(&third, &limits), Merge::Applied);
    assert_eq!(resources.resources()[0].names[0].text, "AA");
    assert_eq!(known(&resources)[0], ("a".into(), Active, Some("open".into())));
    let fourth = notification(
        4,
        false,
        "<resource uri='a'><instance id='1' state='terminated' reason='noresource'/></resource>",
        &[],
    );
    assert_eq!(resources.apply(&fourth, &limits), Merge::Applied);
    assert_eq!(known(&resources)[0], ("a".into(), Terminated, None));
    assert_eq!(resources.apply(&notification(6, false, "", &[]), &limits), Merge::Gap);
    assert_eq!(resources.apply(&notification(5, false, "", &[]), &limits), Merge::Applied);
    assert_eq!(known(&resources), [("b".into(), Active, Some("closed".into()))]);
    assert_eq!(resources.apply(&notification(9, true, "<resource uri='c'/>", &[]), &limits), Merge::Applied);
    assert_eq!(resources.resources().iter().map(|resource| resource.uri.as_str()).collect::<Vec<_>>(), ["c"]);
}

#[test]
fn parts_that_are_not_there_do_no_harm() {
    let mut resources = Resources::default();
    let full = "<resource uri='a'><instance id='1' state='active' cid='nowhere@y'/></resource>";
    assert_eq!(
        resources.apply(&notification(0, true, full, &[("x@y", "unnamed")]), &Limits::default()),
        Merge::Applied
    );
    assert_eq!(known(&resources), [("a".into(), InstanceState::Active, None)]);
}

#[test]
fn presence_comes_in_the_parts() {
    let boundary = "50UBfW7LSCVLtggUPe5z";
    let list = include_str!("../../../../vectors/payload/rfc4662/6-4.xml");
    let bob = include_str!("../../../../vectors/payload/rfc4662/6-5.xml");
    let body = format!(
        "--{boundary}\r\nContent-ID: <r@x>\r\nContent-Type: application/rlmi+xml;charset=\"UTF-8\"\r\n\r\n{list}\r\n--{boundary}\r\n\
         Content-Transfer-Encoding: binary\r\nContent-ID: <bob@x>\r\nContent-Type: application/pidf+xml;charset=\"UTF-8\"\r\n\r\n{bob}\r\n--{boundary}--"
    );
    let content_type =
        kind(&format!("multipart/related;type=\"application/rlmi+xml\";start=\"<r@x>\";boundary=\"{boundary}\""));
    let notification = ListNotification::parse(&content_type, &Bytes::from(body), &Limits::default()).unwrap();
    assert!(!notification.list.resources.is_empty());
    let presence = Presence::parse(&notification.multipart.part("bob@x").unwrap().body, &Limits::default()).unwrap();
    assert_eq!(presence.basic(), Some(Basic::Open));
    assert_eq!(List::parse(notification.list.write().as_bytes(), &Limits::default()), Ok(notification.list));
}

#[test]
fn what_is_no_list_is_refused_where_it_stands() {
    let parse = |body: &str| {
        ListNotification::parse(
            &kind("multipart/related;boundary=b"),
            &Bytes::copy_from_slice(body.as_bytes()),
            &Limits::default(),
        )
    };
    assert_eq!(parse("--b--"), Err(Error { at: 0, fault: Fault::Missing("root") }));
    assert_eq!(
        parse("--b\r\nContent-Type: text/plain\r\n\r\nx\r\n--b--"),
        Err(Error { at: 0, fault: Fault::Root("list") })
    );
    let broken = "--b\r\nContent-Type: application/rlmi+xml\r\n\r\n<list xmlns='urn:x'/>\r\n--b--";
    assert_eq!(parse(broken), Err(Error { at: broken.find("<list").unwrap(), fault: Fault::Root("list") }));
}

#[test]
fn a_server_cannot_make_the_bodies_grow() {
    let limits = Limits { state_bytes: 100, ..Limits::default() };
    let mut resources = Resources::default();
    let body = "x".repeat(30);
    let all = "<resource uri='a'><instance id='1' state='active' cid='a@y'/></resource><resource uri='b'><instance id='1' state='active' \
               cid='b@y'/></resource>";
    let first = notification(1, true, all, &[("a@y", &body), ("b@y", &body)]);
    assert_eq!(resources.apply(&first, &limits), Merge::Applied);
    let has_body: Vec<bool> = known(&resources).iter().map(|(.., body)| body.is_some()).collect();
    assert_eq!(has_body, [true, false], "{:?}", known(&resources));
}
