//! What is claimed of the project, and the tests and watchers that say so: each of them is where the table says. Who renames a test, or takes one away,
//! sees here what it stood for.

mod media;

use std::path::Path;

/// A claim: its id, what it says in short, and what shows it: a file, and a function or type in it.
type Claim = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

/// Says what a table names and is not there.
fn missing(claims: &[Claim]) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut missing = Vec::new();
    for (id, _, witnesses) in claims {
        if witnesses.is_empty() {
            missing.push(format!("{id}: nothing shows it"));
        }
        for (file, name) in *witnesses {
            let text = std::fs::read_to_string(root.join(file)).unwrap_or_default();
            let found = [format!("fn {name}("), format!("pub struct {name} ")].iter().any(|line| text.contains(line));
            if !found {
                missing.push(format!("{id}: there is no {name} in {file}"));
            }
        }
    }
    missing
}

#[test]
fn what_is_claimed_is_tested() {
    assert_eq!(missing(media::INVARIANTS), [""; 0]);
    assert_eq!(missing(media::HOSTILE), [""; 0]);
}

#[test]
fn a_name_that_is_not_there_is_missed() {
    let claims: &[Claim] = &[("X-1", "", &[("testsuite/tests/claims/main.rs", "missing")]), ("X-2", "", &[])];
    assert_eq!(missing(claims), ["X-2: nothing shows it"]);
    let claims: &[Claim] = &[("X-3", "", &[("testsuite/tests/claims/main.rs", "another")])];
    assert_eq!(missing(claims), ["X-3: there is no another in testsuite/tests/claims/main.rs"]);
}
