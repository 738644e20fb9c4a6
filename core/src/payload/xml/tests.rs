use proptest::prelude::*;

use super::name::XML;
use super::{Attribute, Content, Element, Name};
use crate::limits::Limits;
use crate::payload::{Error, Fault};

fn parse(text: &str) -> Result<Element, Error> {
    Element::parse(text.as_bytes(), &Limits::default())
}

fn fault(text: &str) -> (usize, Fault) {
    let error = parse(text).expect_err(text);
    (error.at, error.fault)
}

#[test]
fn names_are_those_of_their_namespaces() {
    let root = parse(
        "\u{feff}<?xml version='1.0' encoding='UTF-8'?><!-- c --><a xmlns='one' xmlns:p='two' p:x='1' x='2'>\r\n\
         <p:b xmlns:p='three' xml:lang='de'/><c xmlns=''>t<![CDATA[<&]]>&lt;&#x41;</c></a>\n",
    )
    .unwrap();
    assert_eq!(root.name, Name::new("one", "a"));
    assert_eq!(root.attribute("x"), Some("2"));
    assert_eq!(root.attributes[0].name, Name::new("two", "x"));
    let inner: Vec<_> = root.elements().collect();
    assert_eq!(inner[0].name, Name::new("three", "b"));
    assert_eq!(inner[0].attributes[0].name, Name::new(XML, "lang"));
    assert_eq!((inner[1].name.clone(), inner[1].text()), (Name::new("", "c"), "t<&<A".to_owned()));
    assert_eq!(root.content[0], Content::Text("\n".to_owned()));
}

#[test]
fn what_is_not_well_formed_is_refused_where_it_stands() {
    for (text, at, due) in [
        ("", 0, Fault::Syntax),
        ("text", 0, Fault::Syntax),
        ("<a>", 3, Fault::Syntax),
        ("<a></b>", 3, Fault::Syntax),
        ("<a/><b/>", 4, Fault::Syntax),
        ("<a/>text", 4, Fault::Syntax),
        ("<a b></a>", 0, Fault::Syntax),
        ("<a b=c></a>", 0, Fault::Syntax),
        ("<a b='<'></a>", 0, Fault::Syntax),
        ("<a b='&amp'></a>", 0, Fault::Syntax),
        ("<1/>", 0, Fault::Syntax),
        ("<a:b:c xmlns:a='x'/>", 0, Fault::Syntax),
        ("<a:b/>", 0, Fault::Prefix),
        ("<a b:c='1'/>", 0, Fault::Prefix),
        ("<a xmlns:xmlns='x'/>", 0, Fault::Prefix),
        ("<a xmlns:p=''/>", 0, Fault::Syntax),
        ("<a><b c='1' c='2'/></a>", 3, Fault::AttributeRepeated),
        ("<a xmlns:p='x' xmlns:q='x' p:b='' q:b=''/>", 0, Fault::AttributeRepeated),
        ("<a>&nbsp;</a>", 3, Fault::Entity),
        ("<a>&#0;</a>", 3, Fault::Character),
        ("<a>&#xD800;</a>", 3, Fault::Character),
        ("<a>x\u{1}</a>", 4, Fault::Character),
        (" <?xml version='1.0'?><a/>", 1, Fault::Syntax),
        ("<?xml version='1.0' encoding='UTF-16'?><a/>", 0, Fault::NotUtf8),
        ("<!DOCTYPE a><a/>", 0, Fault::Doctype),
    ] {
        assert_eq!(fault(text), (at, due), "{text}");
    }
}

#[test]
fn nothing_is_expanded() {
    let lol = "<!DOCTYPE lolz [<!ENTITY lol \"lol\"><!ENTITY lol2 \"&lol;&lol;&lol;&lol;\">]><lolz>&lol2;</lolz>";
    assert_eq!(fault(lol), (0, Fault::Doctype));
    let external = "<!DOCTYPE a [<!ENTITY x SYSTEM \"file:///etc/passwd\">]><a>&x;</a>";
    assert_eq!(fault(external), (0, Fault::Doctype));
}

#[test]
fn only_utf_8_is_read() {
    let limits = Limits::default();
    let error = Element::parse(b"<a>\xff</a>", &limits).expect_err("not UTF-8");
    assert_eq!((error.at, error.fault), (3, Fault::NotUtf8));
    let utf_16: Vec<u8> = "\u{feff}<a/>".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_eq!(Element::parse(&utf_16, &limits).expect_err("UTF-16").fault, Fault::NotUtf8);
}

#[test]
fn everything_is_bounded() {
    let limits = Limits::default();
    let deep = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
    assert!(parse(&deep(limits.xml_depth)).is_ok());
    assert_eq!(fault(&deep(limits.xml_depth + 1)), (3 * limits.xml_depth, Fault::TooDeep));
    assert_eq!(fault(&deep(30_000)).1, Fault::TooDeep);

    let attributes = |count: usize| format!("<a{}/>", (0..count).map(|n| format!(" a{n}=''")).collect::<String>());
    assert!(parse(&attributes(limits.xml_attributes)).is_ok());
    assert_eq!(fault(&attributes(limits.xml_attributes + 1)), (0, Fault::TooManyAttributes));
    assert_eq!(fault(&attributes(20_000)), (0, Fault::TooManyAttributes));

    let elements = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count - 1));
    assert!(parse(&elements(limits.xml_elements)).is_ok());
    assert_eq!(fault(&elements(limits.xml_elements + 1)).1, Fault::TooManyElements);

    let nested =
        |count: usize| (0..count).map(|n| format!("<a xmlns:p{n}='n{n}'  xmlns:q{n}='m{n}'>")).collect::<String>();
    assert_eq!(fault(&nested(40)).1, Fault::TooManyNamespaces);

    let long = format!("<a>{}</a>", " ".repeat(limits.payload_bytes));
    assert_eq!(fault(&long), (limits.payload_bytes, Fault::TooLong));
}

#[test]
fn the_default_namespace_is_that_of_the_root() {
    let root = Element::new("urn:ietf:params:xml:ns:pidf", "presence")
        .with(Element::new("urn:ietf:params:xml:ns:pidf:data-model", "person").with_attribute("id", "a\"<&>'\n"))
        .with(Element::new("urn:x", "x").with(Element::new("", "plain").with(Element::new("urn:x", "y"))))
        .with(Element::new("urn:ietf:params:xml:ns:pidf", "note").with_text("1 < 2 ]]> &"));
    assert_eq!(
        root.write(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <presence xmlns=\"urn:ietf:params:xml:ns:pidf\" xmlns:dm=\"urn:ietf:params:xml:ns:pidf:data-model\" xmlns:ns2=\"urn:x\">\
         <dm:person id=\"a&quot;&lt;&amp;>'&#10;\"/><ns2:x><plain xmlns=\"\"><ns2:y/></plain></ns2:x>\
         <note>1 &lt; 2 ]]&gt; &amp;</note></presence>\n"
    );
    assert_eq!(parse(&root.write()).unwrap(), root);
}

#[test]
fn text_of_programs_cannot_become_markup() {
    let mut root = Element::new("", "a b='1'><c/").with_text("\u{0}</a>\r");
    root.attributes.push(Attribute { name: Name::new("", "x y"), value: "\"/>".to_owned() });
    assert_eq!(
        root.write(),
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<_ _=\"&quot;/>\">\u{fffd}&lt;/a&gt;&#13;</_>\n"
    );
}

fn namespace() -> impl Strategy<Value = &'static str> {
    prop_oneof![Just(""), Just("urn:a"), Just("urn:b&<\""), Just("urn:ietf:params:xml:ns:pidf"), Just(XML)]
}

fn text() -> impl Strategy<Value = String> {
    "[ a-z<>&'\"\\]\t\n\r\u{e9}\u{fffd}\u{1f600}-]{1,12}"
}

fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    prop::collection::btree_map((namespace(), "[a-c_][a-z0-9.-]{0,3}"), text(), 0..4).prop_map(|map| {
        map.into_iter()
            .filter(|((namespace, local), _)| !(namespace.is_empty() && local == "xmlns"))
            .map(|((namespace, local), value)| Attribute { name: Name::new(namespace, &local), value })
            .collect()
    })
}

fn element() -> impl Strategy<Value = Element> {
    let name =
        || (namespace(), "[a-z_\u{e9}][a-z0-9.-]{0,5}").prop_map(|(namespace, local)| Name::new(namespace, &local));
    let leaf =
        (name(), attributes()).prop_map(|(name, attributes)| Element { name, attributes, content: vec![], at: 0 });
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let content = prop_oneof![inner.prop_map(Content::Element), text().prop_map(Content::Text)];
        (name(), attributes(), prop::collection::vec(content, 0..4)).prop_map(|(name, attributes, content)| {
            let mut element = Element { name, attributes, content: vec![], at: 0 };
            for content in content {
                match content {
                    Content::Text(text) => element.push_text(text),
                    Content::Element(inner) => element.content.push(Content::Element(inner)),
                }
            }
            element
        })
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(root in element()) {
        let text = root.write();
        prop_assert_eq!(parse(&text), Ok(root), "{}", text);
    }

    #[test]
    fn reading_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = Element::parse(&bytes, &Limits::default());
    }

    #[test]
    fn what_is_read_is_written_and_read(text in "(<[a-b]?|</[a-b]|>|/>| x='|'|&#?[a-z0-9]{1,3};|<!\\[CDATA\\[|\\]\\]>|<!--|-->|<\\?| xmlns='u'|[a-z ]){0,30}") {
        if let Ok(root) = parse(&text) {
            prop_assert_eq!(parse(&root.write()), Ok(root));
        }
    }
}
