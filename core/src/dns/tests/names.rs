use super::*;

#[test]
fn names_are_the_same_in_any_case_and_with_a_dot_at_their_end() {
    for (text, read) in [
        ("Lab.TEST.", "lab.test"),
        ("_sip._udp.lab.test", "_sip._udp.lab.test"),
        ("a\\.b.test", "a\\046b.test"),
        ("a\\\\b.test", "a\\092b.test"),
        ("a\\032b", "a\\032b"),
        (".", ""),
    ] {
        assert_eq!(name(text).as_str(), read, "{text}");
        assert_eq!(name(&name(text).to_string()), name(text));
    }
    let long = [&"a".repeat(63)[..]; 3].join(".");
    assert!(Name::parse(&long).is_ok());
    let longest = format!("{long}.{}", "b".repeat(61));
    assert!(Name::parse(&longest).is_ok(), "255 octets on the wire");
    for wrong in ["", "a..b", ".a", "..", &"a".repeat(64), &format!("{longest}b")] {
        assert!(Name::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_name_knows_its_zone() {
    assert!(name("sip.lab.test").is_within(&name("lab.test")));
    assert!(name("lab.test").is_within(&name("lab.test")));
    assert!(name("lab.test").is_within(&Name::ROOT));
    assert!(!name("slab.test").is_within(&name("lab.test")));
    assert!(!name("test").is_within(&name("lab.test")));
    assert_eq!(name("_sip._udp.lab.test").domain(), name("lab.test"));
    assert_eq!(name("lab.test").under("_sip._udp").unwrap(), name("_sip._udp.lab.test"));
    assert_eq!(name("lab.test").parent().unwrap(), name("test"));
    assert_eq!(name("test").parent().unwrap(), Name::ROOT);
    assert_eq!(Name::ROOT.parent(), None);
    assert!(name(&"a.".repeat(120)).under(&"b.".repeat(10)).is_err());
}
