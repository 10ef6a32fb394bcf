//! Patterns: the table of protocol/router.md 4 and the subset test against brute force.

use super::*;

fn pattern(text: &str) -> Pattern {
    Pattern::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

// protocol/router.md 4.1, 4.2, 4.3, 4.4
#[test]
fn matching_follows_the_table_of_the_protocol() {
    for (text, address, expected) in [
        ("/a/**", "/a", true),
        ("/a/**", "/a/", true),
        ("/a/**", "/a/b", true),
        ("/a/**", "/a/b/c", true),
        ("/a/**", "/ab", false),
        ("/a/**/c", "/a/c", true),
        ("/a/**/c", "/a/b/b/c", true),
        ("/a/**/c", "/a/b/b/d", false),
        ("/**", "/", true),
        ("/**", "/a", true),
        ("/**", "/a/b", true),
        ("/*", "/a", true),
        ("/a/*", "/a/", true),
        ("/a/*", "/a/b/c", false),
        ("/a/*", "/a", false),
        ("/a/b*", "/a/bcd", true),
        ("/a/b*", "/a/b", true),
        ("/a/b**", "/a/bcd/e", false),
        ("/a/b**", "/a/bcd", true),
        ("/a/***", "/a/b/c", false),
        ("/a/***", "/a/b", true),
        ("/**/x/**", "/x", true),
        ("/a/**/**", "/a", true),
        ("/a/*/**", "/a/b", true),
        ("/a/*/**", "/a", false),
        ("/**/*", "/a", true),
        ("/a/[bc]/*", "/a/b/q", false),
        ("/a/[bc]/*", "/a/[bc]/q", true),
        ("/a/?", "/a/b", false),
        ("/a/?", "/a/?", true),
        ("/a/", "/a/", true),
        ("/a/", "/a", false),
        ("/a", "/a/", false),
        ("/", "/", true),
        ("/", "/a", false),
        ("/a/x*y*z", "/a/xyz", true),
        ("/a/x*y*z", "/a/x-y-y-z", true),
        ("/a/x*y*z", "/a/xz", false),
        ("/a/xy*yz", "/a/xyz", false),
        ("/a/*x*", "/a/x", true),
        ("/a/*x*", "/a/y", false),
        ("/**/a/*/b", "/a/a/x/b", true),
        ("/**/a/*/b", "/a/x/y/b", false),
        ("/A", "/a", false),
        ("/**", "a", false),
        ("/**", "", false),
        ("/\u{e9}*", "/\u{e9}\u{e8}", true),
    ] {
        assert_eq!(pattern(text).matches(address), expected, "{text} {address}");
    }
}

#[test]
fn parts_of_a_pattern() {
    let found = pattern("/a/b*c/*/**/***");
    assert_eq!(found.segments()[0], Segment::Literal("a".into()));
    let Segment::Partial(partial) = &found.segments()[1] else {
        panic!("expected a partial segment");
    };
    assert_eq!((partial.prefix(), partial.suffix()), ("b", "c"));
    assert_eq!(
        found.segments()[2..],
        [Segment::One, Segment::Many, Segment::One]
    );
    for (text, prefix, literal) in [
        ("/a/b/**", "/a/b", false),
        ("/a/b*/c", "/a", false),
        ("/**", "", false),
        ("/a/b", "/a/b", true),
        ("/a/", "/a/", true),
    ] {
        assert_eq!(pattern(text).literal_prefix(), prefix);
        assert_eq!(pattern(text).is_literal(), literal);
    }
}

#[test]
fn ill_formed_patterns() {
    let globstars = "/**".repeat(GLOBSTARS_MAX + 1);
    for text in [
        "",
        "a",
        "**",
        "//",
        "/a//b",
        "/a/\0",
        &globstars,
        &"/a".repeat(65),
    ] {
        let error = Pattern::parse(text).expect_err(text);
        assert_eq!(error.code(), crate::Code::InvalidPattern);
    }
    assert!(Pattern::parse(&"/**".repeat(GLOBSTARS_MAX)).is_ok());
}

#[test]
fn coverage_by_hand() {
    for (covering, covered, expected) in [
        ("/**", "/", true),
        ("/**", "/**", true),
        ("/*/**", "/**", true),
        ("/**/*", "/**", true),
        ("/*/*/**", "/**", false),
        ("/a/**", "/a", true),
        ("/a/**", "/a/*/b", true),
        ("/a/*", "/a/**", false),
        ("/a/*/b", "/a/**/b", false),
        ("/a/**/b", "/a/*/b", true),
        ("/a/**/b", "/a/x/y", false),
        ("/a/**/b", "/a/**/c/b", true),
        ("/a/**/b/**", "/a/**/b", true),
        ("/a/x*", "/a/xy*", true),
        ("/a/xy*", "/a/x*", false),
        ("/a/*y*", "/a/x*y*z", true),
        ("/a/x*z", "/a/x*y*z", true),
        ("/a/x*x", "/a/x", false),
        ("/**/a/*/**", "/**/a/**/b", true),
        ("/**/a/*/**", "/**/a/**", false),
        ("/*/**/a", "/**/a", false),
        ("/**/a/**/a/**", "/**/a/*/a", true),
    ] {
        let found = pattern(covering).covers(&pattern(covered));
        assert_eq!(found, expected, "{covering} covers {covered}");
    }
}
