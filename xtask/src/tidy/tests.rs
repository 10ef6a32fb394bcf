//! Every rule is broken once, and the repository breaks none.

use super::{crates, findings, size, text};
use crate::source::Source;

/// What the rules about single files say of this text, one message each.
fn check(path: &str, source: &str, expected: &[&str]) {
    let mut found = Vec::new();
    text::check(&Source::new(path.to_owned(), source.to_owned()), &mut found);
    let found: Vec<String> = found.into_iter().map(|finding| finding.message).collect();
    assert_eq!(found.len(), expected.len(), "{path}: {source}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.contains(expected),
            "{path}: expected {expected:?}, found {found:?}"
        );
    }
}

#[test]
fn the_repository_is_tidy() {
    let findings = findings(&crate::root()).expect("the repository can be read");
    let listed: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(
        listed.is_empty(),
        "{} findings:\n{}",
        listed.len(),
        listed.join("\n")
    );
}

#[test]
fn text_stands_alone_in_ascii() {
    check("README.md", "caf\u{e9}", &["ASCII"]);
    check("README.md", concat!("see ..", "/shared/x"), &["outside"]);
    check("README.md", "plain", &[]);
}

#[test]
fn merges_are_finished() {
    check("README.md", "a\n<<<<<<< HEAD\nb", &["merge"]);
    check("README.md", "a <<<<<<< b", &[]);
}

#[test]
fn a_file_begins_with_its_purpose() {
    check("crates/a/src/lib.rs", "fn f() {}", &["first line"]);
    check("crates/a/src/lib.rs", "//! What for.\nfn f() {}", &[]);
}

#[test]
fn open_matters_are_issues() {
    check(
        "crates/a/src/lib.rs",
        concat!("//! A.\n// TO", "DO: later"),
        &["issue"],
    );
}

#[test]
fn unwrap_is_for_tests() {
    check(
        "crates/a/src/lib.rs",
        "//! A.\nfn f() { g().unwrap(); }",
        &["unwrap"],
    );
    check(
        "crates/a/src/lib.rs",
        "//! A.\n// g().unwrap()\n#[cfg(test)]\nmod tests { fn f() { g().unwrap(); } }",
        &[],
    );
    check(
        "crates/a/tests/it.rs",
        "//! A.\nfn f() { g().unwrap(); }",
        &[],
    );
}

#[test]
fn pure_crates_stay_pure() {
    check(
        "crates/clasp-router/src/lib.rs",
        "//! A.\nuse std::time::Instant;",
        &["Instant"],
    );
    check(
        "crates/clasp-proto/src/lib.rs",
        "//! A.\nuse std::io::Read;",
        &["std::io"],
    );
    check(
        "crates/clasp-server/src/lib.rs",
        "//! A.\nuse std::time::Instant;",
        &[],
    );
    check(
        "crates/clasp-router/src/lib.rs",
        "//! A.\nuse std::time::Duration; struct InstantLike;",
        &[],
    );
}

#[test]
fn only_the_supervisor_spawns() {
    check(
        "crates/clasp-server/src/lib.rs",
        "//! A.\nfn f() { tokio::spawn(g()); }",
        &["supervisor"],
    );
    check(
        "crates/clasp-server/src/supervisor.rs",
        "//! A.\nfn f() { tokio::spawn(g()); }",
        &[],
    );
}

#[test]
fn features_gate_modules() {
    check(
        "crates/a/src/lib.rs",
        "//! A.\n#[cfg(feature = \"x\")]\npub mod x;",
        &[],
    );
    check(
        "crates/a/src/lib.rs",
        "//! A.\n#[cfg(feature = \"x\")]\nfn x() {}",
        &["mod"],
    );
    check(
        "crates/a/src/plan/feature.rs",
        "//! A.\n#[cfg(feature = \"x\")]\nfn x() {}",
        &[],
    );
}

#[test]
fn error_numbers_have_one_home() {
    check(
        "crates/a/src/lib.rs",
        "//! A.\nfn f() { refuse(401); }",
        &["401"],
    );
    check(
        "crates/a/src/lib.rs",
        "//! A.\nfn f() { code(400); }",
        &["400"],
    );
    check("crates/a/src/lib.rs", "//! A.\nfn f() { sleep(400); }", &[]);
    check(
        "crates/clasp-proto/src/code.rs",
        "//! A.\nfn f() { code(400); }",
        &[],
    );
}

#[test]
fn names_say_what_a_thing_is() {
    check(
        "crates/a/src/lib.rs",
        "//! A.\nstruct SessionManager;",
        &["SessionManager"],
    );
    check(
        "crates/a/src/lib.rs",
        "//! A.\nfn get_name() {}",
        &["get_name"],
    );
    check(
        "crates/a/src/lib.rs",
        "//! A.\nstruct Session;\nfn name() {}",
        &[],
    );
}

/// What the caps say of a file, given the lines of the ratchet.
fn check_size(path: &str, source: &str, ratchet: &str, expected: &[&str]) {
    let root = std::env::temp_dir().join(format!(
        "xtask-size-{}-{}",
        std::process::id(),
        path.replace('/', "-")
    ));
    std::fs::create_dir_all(root.join("xtask")).expect("a temporary folder can be made");
    std::fs::write(root.join("xtask/ratchet.txt"), ratchet).expect("the ratchet can be written");
    let mut found = Vec::new();
    let sources = [Source::new(path.to_owned(), source.to_owned())];
    size::check(&root, &sources, &mut found).expect("the ratchet can be read");
    std::fs::remove_dir_all(&root).expect("the temporary folder can be removed");
    let found: Vec<String> = found.into_iter().map(|finding| finding.message).collect();
    assert_eq!(found.len(), expected.len(), "{path}: {found:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert!(
            found.contains(expected),
            "{path}: expected {expected:?}, found {found:?}"
        );
    }
}

#[test]
fn long_things_are_split() {
    let long_file = "//! A.\n".repeat(501) + "fn f() {}";
    check_size("a/file.rs", &long_file, "", &["502 lines"]);
    let long_function = format!("fn f() {{\n{}}}", "    g();\n".repeat(71));
    check_size("a/function.rs", &long_function, "", &["f has 71 lines"]);
    let tests = format!(
        "fn f() {{}}\n#[cfg(test)]\nmod tests {{\n{}}}",
        "    g();\n".repeat(600)
    );
    check_size("a/tested.rs", &tests, "", &[]);
}

#[test]
fn the_ratchet_only_shrinks() {
    let source = format!("fn f() {{\n{}}}", "    g();\n".repeat(80));
    check_size("a/exact.rs", &source, "80 a/exact.rs::f", &[]);
    check_size("a/grown.rs", &source, "79 a/grown.rs::f", &["grown"]);
    check_size("a/shrunk.rs", &source, "81 a/shrunk.rs::f", &["shrunk"]);
    check_size(
        "a/gone.rs",
        "fn f() {}",
        "# comment\n80 a/gone.rs::g",
        &["remove its line"],
    );
}

#[test]
fn dependencies_point_one_way() {
    let metadata = serde_json::json!({"packages": [
        {"name": "clasp-proto", "dependencies": [
            {"name": "clasp-router", "kind": null},
            {"name": "clasp-testkit", "kind": "dev"},
            {"name": "serde_json", "kind": null},
        ]},
        {"name": "clasp-router", "dependencies": [{"name": "clasp-proto", "kind": null}]},
        {"name": "clasp-testkit", "dependencies": []},
        {"name": "clasp-new", "dependencies": []},
    ]});
    let mut found = Vec::new();
    crates::directions(&metadata, &mut found).expect("the metadata is complete");
    let found: Vec<String> = found.iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), 2, "{found:?}");
    assert!(
        found[0].contains("may not depend on clasp-router"),
        "{found:?}"
    );
    assert!(found[1].contains("not in the table"), "{found:?}");
}
