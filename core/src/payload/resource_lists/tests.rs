use proptest::prelude::*;

use super::{
    DisplayName, Entry, EntryAttribute, EntryAttributes, External, Item, List, ListOrUri, Packages, ResourceLists,
    RlsServices, Service,
};
use crate::limits::Limits;
use crate::payload::xml::Element;
use crate::payload::xml::name::{AGP_RESOURCE_LISTS, RESOURCE_LISTS, RLS_SERVICES};
use crate::payload::{Error, Fault};

fn parse(text: &str) -> Result<ResourceLists, Error> {
    ResourceLists::parse(text.as_bytes(), &Limits::default())
}

fn document(content: &str) -> Result<ResourceLists, Error> {
    parse(&format!(
        "<resource-lists xmlns='{RESOURCE_LISTS}' xmlns:agp='{AGP_RESOURCE_LISTS}'>{content}</resource-lists>"
    ))
}

#[test]
fn the_example_keeps_its_order() {
    let lists = parse(include_str!("../../../../vectors/payload/rfc4826/3.3.xml")).unwrap();
    let friends = &lists.lists[0];
    assert_eq!(friends.name.as_deref(), Some("friends"));
    let [Item::Entry(bill), Item::EntryRef(petri), Item::List(close)] = &friends.items[..] else {
        panic!("{friends:?}")
    };
    assert_eq!(bill.display_name.as_ref().map(|name| name.text.as_str()), Some("Bill Doe"));
    assert!(petri.reference.ends_with("entry%5b@uri=%22sip:pet    ri@example.com%22%5d"), "{}", petri.reference);
    assert_eq!(
        close.entries().map(|entry| entry.uri.as_str()).collect::<Vec<_>>(),
        ["sip:joe@example.com", "sip:nancy@example.com"]
    );
    assert!(matches!(&close.items[2], Item::External(external) if external.anchor.is_some()));
    assert_eq!(parse(&lists.write()), Ok(lists));
}

#[test]
fn attributes_of_applications_are_typed() {
    let lists = document(
        "<list><entry uri='a'><agp:attributes><agp:attribute name='preferred_media' value='audio'/><agp:attribute name='n'>t</agp:attribute>\
         </agp:attributes><x xmlns='urn:x'/></entry></list>",
    )
    .unwrap();
    let entry = lists.lists[0].entries().next().unwrap();
    let attributes = &entry.attributes.as_ref().unwrap().attributes;
    assert_eq!((attributes[0].name.as_str(), attributes[0].value.as_deref()), ("preferred_media", Some("audio")));
    assert_eq!((attributes[1].value.as_deref(), attributes[1].text.as_str()), (None, "t"));
    assert_eq!(entry.extensions, [Element::new("urn:x", "x")]);
    assert_eq!(parse(&lists.write()), Ok(lists));
}

#[test]
fn names_and_entries_stand_once() {
    for (content, fault) in [
        ("<list name='a'/><list name='a'/>", Fault::Repeated("name")),
        ("<list name='a'><list name='b'/><list name='b'/></list>", Fault::Repeated("name")),
        ("<list><entry uri='a'/><entry uri='a'/></list>", Fault::Repeated("name")),
        ("<list><entry-ref ref='a'/><entry-ref ref='a'/></list>", Fault::Repeated("name")),
        ("<list><external anchor='a'/><external anchor='a'/></list>", Fault::Repeated("name")),
        ("<list><entry/></list>", Fault::Missing("uri")),
        ("<list><display-name/><display-name/></list>", Fault::Repeated("display-name")),
    ] {
        assert_eq!(document(content).expect_err(content).fault, fault, "{content}");
    }
    assert!(
        document("<list name='a'><list name='a'/><entry uri='x'/></list><list name='b'><entry uri='x'/></list>")
            .is_ok()
    );
}

#[test]
fn lists_are_no_deeper_than_documents() {
    let limits = Limits::default();
    let deep = |depth: usize| document(&("<list>".repeat(depth) + &"</list>".repeat(depth)));
    assert!(deep(limits.xml_depth - 1).is_ok());
    assert_eq!(deep(limits.xml_depth).expect_err("too deep").fault, Fault::TooDeep);
}

#[test]
fn services_have_lists_or_references_to_them() {
    let parse = |text: &str| RlsServices::parse(text.as_bytes(), &Limits::default());
    let services = parse(include_str!("../../../../vectors/payload/rfc4826/4.3.xml")).unwrap();
    let [buddies, marketing] = &services.services[..] else { panic!("two services") };
    assert!(matches!(&buddies.list, Some(ListOrUri::Uri(list)) if list.uri.starts_with("http://xcap.example.com/")));
    assert_eq!(buddies.packages.as_ref().map(|packages| packages.packages.clone()), Some(vec!["presence".to_owned()]));
    let Some(ListOrUri::List(list)) = &marketing.list else { panic!("a list") };
    assert_eq!((list.name.as_deref(), list.items.len()), (Some("marketing"), 2));
    assert_eq!(parse(&services.write()), Ok(services));
    let twice = format!("<rls-services xmlns='{RLS_SERVICES}'><service uri='a'/><service uri='a'/></rls-services>");
    assert_eq!(parse(&twice).expect_err("one URI").fault, Fault::Repeated("uri"));
}

#[test]
fn a_service_is_written_with_its_list_first() {
    let services = RlsServices {
        services: vec![Service {
            uri: "sip:buddies@example.com".into(),
            list: Some(ListOrUri::List(super::ServiceList {
                items: vec![Item::External(External { anchor: Some("http://x".into()), ..External::default() })],
                ..Default::default()
            })),
            packages: Some(Packages { packages: vec!["presence".into(), "dialog".into()], ..Packages::default() }),
            ..Service::default()
        }],
        ..RlsServices::default()
    };
    assert_eq!(
        services.write(),
        format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<rls-services xmlns=\"{RLS_SERVICES}\" xmlns:rls=\"{RESOURCE_LISTS}\">\
             <service uri=\"sip:buddies@example.com\"><list><rls:external anchor=\"http://x\"/></list><packages><package>presence</package>\
             <package>dialog</package></packages></service></rls-services>\n"
        )
    );
}

fn item(uri: String) -> impl Strategy<Value = Item> {
    let text = "[a-z<&\u{e9}]{1,6}";
    (prop::option::of(text), prop::collection::vec((text, prop::option::of("[ a-z\"\n]{0,6}")), 0..3), any::<bool>())
        .prop_map(move |(name, attributes, external)| {
            let display_name = name.map(|text| DisplayName { language: None, text });
            if external {
                return Item::External(External { anchor: Some(uri.clone()), display_name, ..External::default() });
            }
            let attributes = attributes
                .into_iter()
                .map(|(name, value)| EntryAttribute { name, value, ..EntryAttribute::default() })
                .collect();
            let attributes = Some(EntryAttributes { attributes });
            Item::Entry(Entry { uri: uri.clone(), display_name, attributes, ..Entry::default() })
        })
}

proptest! {
    #[test]
    fn what_is_written_is_read(items in (0..6_usize).prop_flat_map(|count| (0..count).map(|n| item(format!("sip:{n}<&\"@x"))).collect::<Vec<_>>())) {
        let inner = List { name: Some("inner".into()), items: items.clone(), ..List::default() };
        let mut outer = List { name: Some("outer".into()), items, ..List::default() };
        outer.items.push(Item::List(inner));
        let lists = ResourceLists { lists: vec![outer], ..ResourceLists::default() };
        prop_assert_eq!(parse(&lists.write()), Ok(lists));
    }

    #[test]
    fn reading_never_panics(content in "(<list( name='[ab]')?>|</list>|<entry uri='[ab]'/>|<external/>|<display-name>|</display-name>|[a-z]){0,12}") {
        if let Ok(lists) = document(&content) {
            prop_assert_eq!(parse(&lists.write()), Ok(lists));
        }
    }
}
