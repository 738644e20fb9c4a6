use super::{Cause, Change, XcapCaps, XcapDiff, XcapError};
use crate::limits::Limits;
use crate::payload::Fault;
use crate::payload::xml::name::{XCAP_CAPS, XCAP_DIFF, XCAP_ERROR};

#[test]
fn capabilities_are_read() {
    let parse = |text: &str| XcapCaps::parse(text.as_bytes(), &Limits::default());
    let text = format!(
        "<xcap-caps xmlns='{XCAP_CAPS}'><auids><auid>resource-lists</auid>\n<auid> org.openmobilealliance.pres-rules </auid></auids>\
         <namespaces><namespace>urn:x</namespace></namespaces><x xmlns='urn:x'/></xcap-caps>"
    );
    let caps = parse(&text).unwrap();
    assert!(
        caps.supports("resource-lists")
            && caps.supports("org.openmobilealliance.pres-rules")
            && !caps.supports("pres-rules")
    );
    assert_eq!((caps.extensions.is_none(), caps.more.len()), (true, 1));
    assert_eq!(parse(&caps.write()), Ok(caps));
    assert_eq!(
        parse(&format!("<xcap-caps xmlns='{XCAP_CAPS}'/>")).expect_err("no usages").fault,
        Fault::Missing("auids")
    );
}

#[test]
fn the_cause_of_a_refusal_is_read() {
    let parse = |text: &str| XcapError::parse(text.as_bytes(), &Limits::default());
    let error = parse(include_str!("../../../../vectors/payload/rfc4825/11.1.xml")).unwrap();
    let Cause::UniquenessFailure(failure) = &error.cause else { panic!("{error:?}") };
    assert_eq!(failure.exists[0].field, "rls-services/service/@uri");
    assert_eq!(failure.exists[0].alternatives, ["sip:mybuddies@example.com"]);
    assert_eq!(parse(&error.write()), Ok(error));
    let cause = |content: &str| {
        parse(&format!("<xcap-error xmlns='{XCAP_ERROR}'>{content}</xcap-error>")).map(|error| error.cause)
    };
    assert_eq!(cause("<cannot-insert phrase='no'/>").unwrap().phrase(), Some("no"));
    let Ok(Cause::NoParent(parent)) = cause("<no-parent><ancestor>http://x/index</ancestor></no-parent>") else {
        panic!("no parent")
    };
    assert_eq!(parent.ancestor.as_deref(), Some("http://x/index"));
    assert!(matches!(cause("<extension><x xmlns='urn:x'/></extension>"), Ok(Cause::Other(_))));
    assert_eq!(cause("").expect_err("no cause").fault, Fault::Missing("error element"));
    assert_eq!(cause("<not-utf-8/><not-utf-8/>").expect_err("two causes").fault, Fault::Repeated("error element"));
}

#[test]
fn changes_are_read() {
    let parse = |text: &str| XcapDiff::parse(text.as_bytes(), &Limits::default());
    let diff = parse(include_str!("../../../../vectors/payload/rfc5874/5.xml")).unwrap();
    assert_eq!(diff.xcap_root, "http://xcap.example.com/root/");
    let [Change::Document(document), Change::Element(element), Change::Attribute(attribute)] = &diff.changes[..] else {
        panic!("{diff:?}")
    };
    assert_eq!((document.new_etag.as_deref(), document.previous_etag.as_deref()), (Some("7ahggs"), Some("8a77f8d")));
    assert_eq!(element.content[0].attribute("uri"), Some("sip:marketing@example.com"));
    assert_eq!(attribute.value, "sip:marketing@example.com");
    assert_eq!(
        diff.documents().collect::<Vec<_>>(),
        [
            "resource-lists/users/sip:joe@example.com/coworkers",
            "rls-services/users/sip:joe@example.com/index",
            "rls-services/users/sip:joe@example.com/index"
        ]
    );
    assert_eq!(parse(&diff.write()), Ok(diff));
    let same = format!(
        "<xcap-diff xmlns='{XCAP_DIFF}' xcap-root='r'><document sel='d'><body-not-changed/></document></xcap-diff>"
    );
    assert!(matches!(&parse(&same).unwrap().changes[0], Change::Document(document) if document.body_not_changed));
    let rootless = format!("<xcap-diff xmlns='{XCAP_DIFF}'/>");
    assert_eq!(parse(&rootless).expect_err("no root").fault, Fault::Missing("xcap-root"));
}
