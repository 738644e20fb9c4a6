//! The text of settings.

use proptest::prelude::*;

use super::super::format::{MAX_DEPTH, ParseError, ParseFault, parse, write};
use super::*;

/// A file as behaviour of the reference, and persons, make them.
const FILE: &str = r#"# my phone
SIPSimpleSettings:
    user_agent = "Phone of \"Alice\""   # with a comment
    rtp:
        audio_codec_list = G722, PCMA
        port_range = 50000-50100
    sip:
          transport_list = udp,
          invite_timeout =
Accounts:
    alice@example.com:
        enabled = true
        display_name = Alice van Damme
        auth:
            password = "a\\b\nc"
        sip:
            outbound_proxy = proxy.example.com:5061;transport=tls
    "b=b@example.com":
"#;

fn value(text: &str) -> Result<Value, ParseFault> {
    let tree = parse(format!("a = {text}").as_bytes()).map_err(|error| {
        assert_eq!(error.line, 1);
        error.fault
    })?;
    match tree.get(&["a"]) {
        Some(Node::Setting(value)) => Ok(value.clone()),
        other => panic!("{other:?}"),
    }
}

fn list(items: &[&str]) -> Value {
    Value::List(items.iter().map(|item| String::from(*item)).collect())
}

#[test]
fn a_file_is_read_and_written_sorted() {
    let tree = parse(FILE.as_bytes()).unwrap();
    let get = |path: &[&str]| match tree.get(path) {
        Some(Node::Setting(value)) => value.clone(),
        other => panic!("{path:?}: {other:?}"),
    };
    assert_eq!(get(&["SIPSimpleSettings", "user_agent"]), Value::from("Phone of \"Alice\""));
    assert_eq!(get(&["SIPSimpleSettings", "rtp", "audio_codec_list"]), list(&["G722", "PCMA"]));
    assert_eq!(get(&["SIPSimpleSettings", "sip", "transport_list"]), list(&["udp"]));
    assert_eq!(get(&["SIPSimpleSettings", "sip", "invite_timeout"]), Value::None);
    assert_eq!(get(&["Accounts", ALICE, "display_name"]), Value::from("Alice van Damme"));
    assert_eq!(get(&["Accounts", ALICE, "auth", "password"]), Value::from("a\\b\nc"));
    let proxy = Value::from("proxy.example.com:5061;transport=tls");
    assert_eq!(get(&["Accounts", ALICE, "sip", "outbound_proxy"]), proxy);
    assert_eq!(tree.names(&["Accounts"]).collect::<Vec<_>>(), [ALICE, "b=b@example.com"]);
    assert_eq!(
        write(&tree).as_str(),
        r#"Accounts:
    alice@example.com:
        display_name = "Alice van Damme"
        enabled = true
        auth:
            password = "a\\b\nc"

        sip:
            outbound_proxy = "proxy.example.com:5061;transport=tls"


    "b=b@example.com":


SIPSimpleSettings:
    user_agent = "Phone of \"Alice\""
    rtp:
        audio_codec_list = G722, PCMA
        port_range = 50000-50100

    sip:
        invite_timeout =
        transport_list = udp,


"#
    );
    let windows = FILE.replace('\n', "\r\n");
    assert_eq!(parse(windows.as_bytes()).unwrap(), tree);
    assert_eq!(parse(format!("\u{feff}{FILE}").as_bytes()).unwrap(), tree);
    assert_eq!(parse(b"").unwrap(), Tree::default());
}

#[test]
fn values_are_read() {
    for (text, read) in [
        ("", Value::None),
        ("# nothing", Value::None),
        ("\"\"", Value::from("")),
        ("a", Value::from("a")),
        ("a b  # c", Value::from("a b")),
        ("\"a # b\" # c", Value::from("a # b")),
        ("a,", list(&["a"])),
        (",", list(&[])),
        ("a,b", list(&["a", "b"])),
        ("a, b,", list(&["a", "b"])),
        ("\"a,\" , b", list(&["a,", "b"])),
        ("\"\",", list(&[""])),
        ("a:5060;transport=tls", Value::from("a:5060;transport=tls")),
    ] {
        assert_eq!(value(text), Ok(read), "{text}");
    }
}

#[test]
fn what_cannot_be_understood_is_told_with_its_line() {
    for (text, fault) in [
        ("\"a", ParseFault::OpenQuote),
        ("\"a\\\"", ParseFault::OpenQuote),
        ("\"\\t\"", ParseFault::Escape),
        ("\"a\\", ParseFault::Escape),
        ("\"a\" b", ParseFault::Trailing),
        ("\"a\"\"b\"", ParseFault::Trailing),
        ("it's", ParseFault::Unquoted),
        ("a\\b", ParseFault::Unquoted),
        ("a,,b", ParseFault::NoMember),
        (",a", ParseFault::NoMember),
        (",,", ParseFault::NoMember),
    ] {
        assert_eq!(value(text), Err(fault), "{text}");
    }
    for (text, line, fault) in [
        ("a = 1\nb\n", 2, ParseFault::NoSeparator),
        ("= 1", 1, ParseFault::NoName),
        (": 1", 1, ParseFault::NoName),
        ("a b = 1", 1, ParseFault::NoSeparator),
        ("a: b", 1, ParseFault::Trailing),
        ("a = 1\n  b = 2", 2, ParseFault::Indent),
        ("a:\n  b = 1\n    c = 1", 3, ParseFault::Indent),
        ("a:\n    b = 1\n  c = 1", 3, ParseFault::Indent),
        ("  a = 1\nb = 2", 2, ParseFault::Indent),
        ("a = 1\n\n# \na = 2", 4, ParseFault::Twice),
        ("a:\n  b = 1\na = 2", 3, ParseFault::Twice),
        ("a = 1\na:", 2, ParseFault::Twice),
    ] {
        assert_eq!(parse(text.as_bytes()), Err(ParseError { line, fault }), "{text}");
    }
    assert_eq!(parse(b"a = 1\nb = \xff"), Err(ParseError { line: 2, fault: ParseFault::NotUtf8 }));
    assert_eq!(parse(b"a = 1\nb").unwrap_err().to_string(), "line 2: neither ':' nor '=' follows the name");
}

#[test]
fn a_group_may_go_on_later() {
    let tree = parse(b"a:\n  b = 1\nc:\na:\n   d = 2\n").unwrap();
    assert_eq!(tree.names(&["a"]).collect::<Vec<_>>(), ["b", "d"]);
    assert_eq!(tree.names(&["c"]).count(), 0);
}

#[test]
fn groups_stand_in_each_other_only_so_deep() {
    let nested = |depth: usize| (0..depth).map(|at| format!("{}g:\n", " ".repeat(at))).collect::<String>();
    assert!(parse(nested(MAX_DEPTH).as_bytes()).is_ok());
    let error = ParseError { line: MAX_DEPTH + 1, fault: ParseFault::TooDeep };
    assert_eq!(parse(nested(10_000).as_bytes()), Err(error));
}

#[test]
fn names_of_the_tree_do_not_show_values() {
    assert!(!format!("{:?}", parse(FILE.as_bytes()).unwrap()).contains("a\\b"));
}

fn trees() -> impl Strategy<Value = Tree> {
    let text = || "[a-c \"'=:#,\\\\\n\r\té\u{0}-]{0,6}";
    let value = prop_oneof![
        Just(Value::None),
        text().prop_map(Value::Text),
        proptest::collection::vec(text(), 0..4).prop_map(Value::List),
    ];
    let path = proptest::collection::vec(text(), 1..5);
    proptest::collection::vec((path, proptest::option::of(value)), 0..12).prop_map(|entries| {
        let mut tree = Tree::default();
        for (path, value) in entries {
            let _ = match value {
                Some(value) => tree.set(&path, value),
                None => tree.add_group(&path),
            };
        }
        tree
    })
}

proptest! {
    #[test]
    fn what_is_written_is_read(tree in trees()) {
        let text = write(&tree);
        prop_assert_eq!(parse(text.as_bytes()).unwrap(), tree);
    }

    #[test]
    fn nothing_that_is_read_is_lost(text in "([a-b]{0,2}( = |:)?[\"a,'#\\\\ ]{0,4}\n {0,3}){0,8}") {
        if let Ok(tree) = parse(text.as_bytes()) {
            prop_assert_eq!(parse(write(&tree).as_bytes()).unwrap(), tree);
        }
    }

    #[test]
    fn no_bytes_do_harm(bytes in any::<Vec<u8>>()) {
        let _ = parse(&bytes);
    }
}
