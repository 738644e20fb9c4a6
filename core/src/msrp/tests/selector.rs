//! File selectors: the examples of RFC 5547, names from hostile peers (M7), hashes.

use proptest::prelude::*;

use crate::msrp::{
    FileDates, FileDisposition, FileHash, FileHasher, FileRange, FileSelector, HashAlgorithm, NotASelector, safe_name,
};
use crate::time::Utc;

/// RFC 5547 section 9.1.
const EXAMPLE: &str = "name:\"My cool picture.jpg\" type:image/jpeg size:32349 \
    hash:sha-1:72:24:5F:E8:65:3D:DA:F3:71:36:2F:86:D4:71:91:3E:E4:A2:CE:2E";

#[test]
fn the_example_of_the_rfc_is_read_and_written() {
    let selector = FileSelector::parse(EXAMPLE).unwrap();
    assert_eq!(selector.name.as_deref(), Some("My cool picture.jpg"));
    assert_eq!(selector.content_type.as_deref(), Some("image/jpeg"));
    assert_eq!(selector.size, Some(32349));
    assert_eq!(selector.hash.as_ref().unwrap().digest[..3], [0x72, 0x24, 0x5f]);
    assert_eq!(selector.sdp_repr(), EXAMPLE);
}

#[test]
fn any_order_case_and_spelling_of_the_hash() {
    let text = EXAMPLE.replace("sha-1", "SHA1").replace("name", "Name");
    assert_eq!(FileSelector::parse(&text), FileSelector::parse(EXAMPLE));
    let selector =
        FileSelector::parse("size:4294967296 hash:md5:00 type:text/plain;charset=\"a b\"  name:\"a%22%25b\"").unwrap();
    assert_eq!((selector.size, selector.hash), (Some(1 << 32), None));
    assert_eq!(selector.content_type.as_deref(), Some("text/plain;charset=\"a b\""));
    assert_eq!(selector.name.as_deref(), Some("a\"%b"));
    assert_eq!(FileSelector::parse(""), Ok(FileSelector::default()));
}

#[test]
fn what_is_no_selector_is_refused() {
    for (text, at) in [
        ("name", 0),
        ("name:x", 0),
        ("name:\"x", 0),
        ("name:\"%zz\"", 0),
        ("name:\"%ff\"", 0),
        ("type:image", 0),
        ("size:-1", 0),
        ("size:18446744073709551616", 0),
        ("size:", 0),
        ("size:1 color:red", 7),
    ] {
        assert_eq!(FileSelector::parse(text), Err(NotASelector { at }), "{text}");
    }
}

#[test]
fn hashes_have_the_length_of_their_algorithm() {
    for hash in
        ["sha-1:72", "sha-1:72:24:5F:E8:65:3D:DA:F3:71:36:2F:86:D4:71:91:3E:E4:A2:CE:2E:00", "sha-256:00", "sha-1:+1"]
    {
        assert_eq!(FileSelector::parse(&format!("hash:{hash}")).unwrap().hash, None, "{hash}");
    }
}

#[test]
fn a_file_is_hashed_as_it_comes() {
    // FIPS 180-4, "abc".
    for (algorithm, text) in [
        (HashAlgorithm::Sha1, "sha-1:A9:99:3E:36:47:06:81:6A:BA:3E:25:71:78:50:C2:6C:9C:D0:D8:9D"),
        (
            HashAlgorithm::Sha256,
            "sha-256:BA:78:16:BF:8F:01:CF:EA:41:41:40:DE:5D:AE:22:23:B0:03:61:A3:96:17:7A:9C:B4:10:FF:61:F2:00:15:AD",
        ),
    ] {
        let mut hasher = FileHasher::new(algorithm);
        hasher.update(b"a");
        hasher.update(b"bc");
        assert_eq!(hasher.processed(), 3);
        let hash: FileHash = hasher.finish();
        assert_eq!(hash.to_string(), text);
    }
}

#[test]
fn a_selector_for_a_file() {
    for (path, name, content_type) in [
        ("/home/alice/My cool picture.JPG", "My cool picture.JPG", "image/jpeg"),
        ("notes.txt", "notes.txt", "text/plain"),
        ("a/backup.tar.gz", "backup.tar.gz", "application/x-gzip"),
        ("C:\\x\\README", "README", "application/octet-stream"),
    ] {
        let selector = FileSelector::for_file(path, None, Some(3), None);
        assert_eq!((selector.name.as_deref(), selector.content_type.as_deref()), (Some(name), Some(content_type)));
    }
    assert_eq!(FileSelector::for_file("a.txt", Some("x/y"), None, None).content_type.as_deref(), Some("x/y"));
}

#[test]
fn names_are_made_safe() {
    for (name, safe) in [
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("..", "file"),
        ("", "file"),
        ("/", "file"),
        (".bashrc", "bashrc"),
        ("a\0b\r\nc", "abc"),
        ("nul.txt", "_nul.txt"),
        ("COM1", "_COM1"),
        ("com10", "com10"),
        ("a:b|c", "a_b_c"),
        ("trailing. ", "trailing"),
        ("gpj.\u{202e}exe", "gpj.exe"),
        ("déjà vu.txt", "déjà vu.txt"),
    ] {
        assert_eq!(safe_name(name), safe, "{name:?}");
    }
    assert!(safe_name(&"é".repeat(10_000)).len() <= 255);
}

#[test]
fn ranges_of_files() {
    for text in ["1-*", "4097-10000", "7-7"] {
        assert_eq!(FileRange::parse(text).unwrap().to_string(), text);
    }
    for text in ["0-*", "5-4", "*-5", "5", "1-", "-1", "1-18446744073709551616"] {
        assert_eq!(FileRange::parse(text), None, "{text}");
    }
}

#[test]
fn types_keep_their_parameters() {
    for (selector, header) in [
        ("text/plain;charset=\"utf-8\"", "text/plain;charset=\"utf-8\""),
        ("text/plain;charset=\"a%22b\";x=\"1;2\"", "text/plain;charset=\"a\\\"b\";x=\"1;2\""),
    ] {
        let read = FileSelector::parse(&format!("type:{selector}")).unwrap();
        assert_eq!(read.content_type.as_deref(), Some(header));
        assert_eq!(read.sdp_repr(), format!("type:{selector}"));
    }
    // As other programs write it, and as applications may.
    assert_eq!(FileSelector::parse("type:text/plain;a=b").unwrap().sdp_repr(), "type:text/plain;a=\"b\"");
    let wild = FileSelector { content_type: Some("text/x y\r\na=z;q=\"r\r\ns\"".into()), ..FileSelector::default() };
    assert_eq!(wild.sdp_repr(), "type:text/xyaz;q=\"rs\"");
    for text in ["type:a/b;c", "type:a/b;=\"x\"", "type:a/b;c=\"%0D%0A\"", "type:a b/c", "type:a/(b)"] {
        assert!(FileSelector::parse(text).is_err(), "{text}");
    }
}

#[test]
fn of_several_hashes_the_longest_counts() {
    let short = EXAMPLE.rsplit(' ').next().unwrap();
    let long = format!("hash:sha-256:{}", ["AB"; 32].join(":"));
    for text in [format!("{short} {long}"), format!("{long} {short}"), format!("{long} {short} hash:md5:00")] {
        let hash = FileSelector::parse(&text).unwrap().hash.unwrap();
        assert_eq!(hash.algorithm, HashAlgorithm::Sha256, "{text}");
    }
}

#[test]
fn selectors_are_compared_by_what_both_say() {
    let all = FileSelector::parse(EXAMPLE).unwrap();
    for (text, same) in [
        ("", true),
        ("size:32349", true),
        ("size:32350", false),
        ("name:\"x\"", false),
        ("type:image/png", false),
        ("hash:sha-1:00:24:5F:E8:65:3D:DA:F3:71:36:2F:86:D4:71:91:3E:E4:A2:CE:2E", false),
    ] {
        let other = FileSelector::parse(text).unwrap();
        assert_eq!((all.may_be(&other), other.may_be(&all)), (same, same), "{text}");
        let mut completed = other.clone();
        completed.complete(all.clone());
        assert_eq!(completed == all, same, "{text}");
    }
}

#[test]
fn folders_are_written_so_that_they_are_none() {
    let selector = FileSelector { name: Some("../a\\b".into()), ..FileSelector::default() };
    assert_eq!(selector.sdp_repr(), "name:\"..%2Fa%5Cb\"");
}

#[test]
fn dates_of_files() {
    let text = "creation:\"Mon, 15 May 2006 15:01:31 +0300\" read:\"Mon, 15 May 2006 12:01:32 +0000\"";
    let dates = FileDates::parse(text).unwrap();
    let at = |unix_millis| Some(Utc { unix_millis });
    assert_eq!(dates, FileDates { creation: at(1_147_694_491_000), modification: None, read: at(1_147_694_492_000) });
    assert_eq!(FileDates::parse(&dates.to_string()), Some(dates));
    assert_eq!(FileDates::parse(""), Some(FileDates::default()));
    for wrong in [
        "creation:x",
        "creation:\"x\"",
        "birth:\"Mon, 15 May 2006 15:01:31 +0300\"",
        &format!("{text} {text}"),
        &text.replace(" read", "read"),
    ] {
        assert_eq!(FileDates::parse(wrong), None, "{wrong}");
    }
}

#[test]
fn dispositions_of_files() {
    for (text, disposition) in [
        ("RENDER", FileDisposition::Render),
        ("attachment", FileDisposition::Attachment),
        ("x", FileDisposition::Other("x".into())),
    ] {
        assert_eq!(FileDisposition::parse(text), disposition);
        assert_eq!(disposition.to_string(), text.to_ascii_lowercase());
    }
}

proptest! {
    #[test]
    fn dates_never_panic(text in "[a-z]{0,12}:\"[0-9A-Za-z:+, \"]{0,40}") {
        let _ = FileDates::parse(&text);
    }

    #[test]
    fn any_type_is_written_so_that_it_is_read(text in any::<String>()) {
        let selector = FileSelector { content_type: Some(format!("a/b{text}").as_str().into()), ..FileSelector::default() };
        prop_assert!(FileSelector::parse(&selector.sdp_repr()).is_ok(), "{}", selector.sdp_repr());
    }

    #[test]
    fn what_is_written_is_read_back(name in "\\PC{1,30}", size in any::<u64>()) {
        let selector = FileSelector { name: Some(name.as_str().into()), size: Some(size), ..FileSelector::default() };
        prop_assert_eq!(FileSelector::parse(&selector.sdp_repr()), Ok(selector));
    }

    #[test]
    fn safe_names_are_safe(name in any::<String>()) {
        let safe = safe_name(&name);
        prop_assert!(!safe.is_empty() && safe.len() <= 256 && !safe.starts_with('.'));
        prop_assert!(!safe.contains(['/', '\\', '\0']) && !safe.chars().any(char::is_control));
        prop_assert_eq!(safe_name(&safe), safe);
    }
}
