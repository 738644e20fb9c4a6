use super::{
    Actions, AnonymousRequest, Condition, Conditions, Except, ExternalEntry, ExternalList, FalseCondition, Identity,
    IdentityMember, Many, One, OtherIdentity, ProvideUserInput, Rule, Ruleset, SubHandling, Transformations, Validity,
};
use crate::limits::Limits;
use crate::payload::xml::name::{AGP_COMMON_POLICY, COMMON_POLICY, DIALOG_RULES, OMA_COMMON_POLICY, PRES_RULES};
use crate::payload::{Error, Fault};
use crate::time::Utc;

fn parse(text: &str) -> Result<Ruleset, Error> {
    Ruleset::parse(text.as_bytes(), &Limits::default())
}

fn rule(content: &str) -> Result<Rule, Error> {
    let text = format!(
        "<ruleset xmlns='{COMMON_POLICY}' xmlns:pr='{PRES_RULES}' xmlns:ocp='{OMA_COMMON_POLICY}' xmlns:dr='{DIALOG_RULES}'><rule id='r'>{content}\
         </rule></ruleset>"
    );
    parse(&text).map(|rules| rules.rule("r").unwrap().clone())
}

#[test]
fn the_examples_are_read() {
    let presence = parse(include_str!("../../../../vectors/payload/rfc5025/6.xml")).unwrap();
    let rule = presence.rule("a").unwrap();
    assert_eq!(rule.actions.as_ref().and_then(|actions| actions.sub_handling), Some(SubHandling::Allow));
    let shown = rule.transformations.as_ref().unwrap();
    assert_eq!(shown.provide_services.as_ref().unwrap().schemes, ["sip", "mailto"]);
    assert!(shown.provide_persons.as_ref().unwrap().all);
    assert_eq!((shown.provide_activities, shown.provide_mood), (Some(true), None));
    assert_eq!(shown.provide_user_input, Some(ProvideUserInput::Bare));
    assert!(shown.provide_unknown_attributes[0].provide && shown.extensions.is_empty());
    assert_eq!(parse(&presence.write()), Ok(presence));

    let common = parse(include_str!("../../../../vectors/payload/rfc4745/12.xml")).unwrap();
    let conditions = &common.rules[0].conditions.as_ref().unwrap().conditions;
    assert!(
        matches!(&conditions[0], Condition::Identity(identity) if matches!(&identity.members[..], [IdentityMember::One(one)] if one.id == "sip:bob@example.com"))
    );
    assert!(matches!(&conditions[1], Condition::Sphere(sphere) if sphere.value == "work"));
    let interval =
        (Utc::parse_rfc3339("2003-12-24T16:00:00Z").unwrap(), Utc::parse_rfc3339("2003-12-24T18:00:00Z").unwrap());
    assert_eq!(conditions[2], Condition::Validity(Validity { intervals: vec![interval] }));
    assert_eq!(parse(&common.write()), Ok(common));
}

#[test]
fn everything_that_a_client_writes_is_read() {
    let many = Many {
        domain: Some("example.com".into()),
        excepts: vec![Except { domain: None, id: Some("sip:x@example.com".into()) }],
        ..Many::default()
    };
    let anchor = "http://x/~~/resource-lists/list%5B@name=%22oma_grantedcontacts%22%5D";
    let list = ExternalList { entries: vec![ExternalEntry { anchor: Some(anchor.into()), attributes: vec![] }] };
    let identity = Identity {
        members: vec![
            IdentityMember::One(One { id: "sip:a@b".into(), extensions: vec![] }),
            IdentityMember::Many(many),
        ],
    };
    let conditions = vec![
        Condition::Identity(identity),
        Condition::ExternalList(list),
        Condition::OtherIdentity(OtherIdentity {}),
        Condition::AnonymousRequest(AnonymousRequest {}),
        Condition::False(FalseCondition {}),
        Condition::Validity(Validity { intervals: vec![(Utc { unix_millis: 0 }, Utc { unix_millis: 1500 })] }),
    ];
    let rule = Rule {
        id: "wp_prs_grantedcontacts".into(),
        conditions: Some(Conditions { conditions }),
        actions: Some(Actions {
            sub_handling: Some(SubHandling::PoliteBlock),
            dialog_sub_handling: Some(SubHandling::Confirm),
            extensions: vec![],
        }),
        transformations: Some(Transformations {
            provide_all_attributes: true,
            provide_mood: Some(false),
            ..Transformations::default()
        }),
        display_name: Some("Friends".into()),
        ..Rule::default()
    };
    let rules = Ruleset { rules: vec![rule], ..Ruleset::default() };
    let text = rules.write();
    for part in [
        format!("<ruleset xmlns=\"{COMMON_POLICY}\" xmlns:ocp=\"{OMA_COMMON_POLICY}\" xmlns:agp-cp=\"{AGP_COMMON_POLICY}\""),
        "<ocp:external-list><ocp:entry anc=\"http://x/~~/resource-lists/list%5B@name=%22oma_grantedcontacts%22%5D\"/></ocp:external-list>".into(),
        "<pr:sub-handling>polite-block</pr:sub-handling><dr:sub-handling>confirm</dr:sub-handling>".into(),
        "<many domain=\"example.com\"><except id=\"sip:x@example.com\"/></many>".into(),
        "<agp-cp:false-condition/>".into(),
        "<pr:provide-mood>false</pr:provide-mood><pr:provide-all-attributes/>".into(),
    ] {
        assert!(text.contains(&part), "{part}\n{text}");
    }
    assert_eq!(parse(&text), Ok(rules));
}

#[test]
fn conditions_that_nobody_knows_are_kept() {
    let known = rule("<conditions><x xmlns='urn:x' y='1'/><ocp:other-identity/></conditions>").unwrap();
    let conditions = known.conditions.unwrap().conditions;
    assert!(matches!(&conditions[..], [Condition::Other(x), Condition::OtherIdentity(_)] if x.name.is("urn:x", "x")));
}

#[test]
fn what_are_no_rules_is_refused() {
    for (content, fault) in [
        ("<conditions/><conditions/>", Fault::Repeated("conditions")),
        ("<conditions><identity><one/></identity></conditions>", Fault::Missing("id")),
        ("<conditions><validity><from>2003-12-24T17:00:00Z</from></validity></conditions>", Fault::Missing("until")),
        (
            "<conditions><validity><until>2003-12-24T17:00:00Z</until></validity></conditions>",
            Fault::Value("validity".into()),
        ),
        ("<conditions><validity><from>soon</from></validity></conditions>", Fault::Value("from".into())),
        ("<actions><pr:sub-handling>perhaps</pr:sub-handling></actions>", Fault::Value("sub-handling".into())),
        (
            "<transformations><pr:provide-mood>some</pr:provide-mood></transformations>",
            Fault::Value("provide-mood".into()),
        ),
    ] {
        assert_eq!(rule(content).expect_err(content).fault, fault, "{content}");
    }
    let twice = format!("<ruleset xmlns='{COMMON_POLICY}'><rule id='a'/><rule id='a'/></ruleset>");
    assert_eq!(parse(&twice).expect_err("one id").fault, Fault::Repeated("id"));
}
