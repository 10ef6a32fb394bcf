//! Patterns against the slow matcher and against brute force over small alphabets.

use clasp_proto::Pattern;
use proptest::prelude::*;
use proptest::sample::select;

use crate::slow;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn matching_is_what_the_slow_matcher_says(pattern in pattern(6), address in address(7)) {
        let compiled = Pattern::parse(&pattern).expect("well formed");
        prop_assert_eq!(compiled.matches(&address), slow::matches(&pattern, &address));
        if compiled.matches(&address) {
            prop_assert!(address.starts_with(compiled.literal_prefix()));
        }
    }

    #[test]
    fn what_a_pattern_covers_it_matches(
        covering in pattern(5),
        covered in pattern(5),
        address in address(6),
    ) {
        let covering = Pattern::parse(&covering).expect("well formed");
        let covered = Pattern::parse(&covered).expect("well formed");
        if covering.covers(&covered) && covered.matches(&address) {
            prop_assert!(covering.matches(&address));
        }
    }

    #[test]
    fn coverage_is_what_the_slow_search_says(covering in pattern(7), covered in pattern(7)) {
        let expected = slow::covers(&covering, &covered);
        let compiled = Pattern::parse(&covering).expect("well formed");
        let found = compiled.covers(&Pattern::parse(&covered).expect("well formed"));
        prop_assert_eq!(found, expected);
        prop_assert!(compiled.covers(&compiled));
    }

    #[test]
    fn parsing_any_text_gives_a_pattern_or_an_error(text in ".{0,40}|/[ab*/]{0,40}") {
        if let Ok(pattern) = Pattern::parse(&text) {
            prop_assert_eq!(pattern.as_str(), &text);
            prop_assert_eq!(pattern.is_literal(), !text.contains('*'));
            prop_assert_eq!(pattern.is_literal(), pattern.literal_prefix() == text);
        }
    }
}

/// All patterns of up to four segments against all paths of up to eight: enough for each `**` to
/// stand for more segments than the other pattern has.
#[test]
fn coverage_of_segments_is_exact() {
    let patterns = paths(&["a", "b", "*", "**"], 4);
    assert_coverage_is_exact(&patterns, &paths(&["a", "b", "z"], 8));
}

/// All segments of up to five characters, as patterns of one segment.
#[test]
fn coverage_inside_a_segment_is_exact() {
    let mut patterns: Vec<_> = words("ab*", 5)
        .iter()
        .map(|word| format!("/{word}"))
        .collect();
    patterns.retain(|pattern| pattern != "/**");
    let addresses: Vec<_> = words("abz", 7)
        .iter()
        .map(|word| format!("/{word}"))
        .collect();
    assert_coverage_is_exact(&patterns, &addresses);
}

/// Both at once: partial segments beside globstars.
#[test]
fn coverage_of_partial_segments_between_globstars_is_exact() {
    let patterns = paths(&["a", "*", "**", "a*", "*a", "a*a", "*a*"], 3);
    let addresses = paths(&["a", "z", "az", "za", "aza", "zaz"], 5);
    assert_coverage_is_exact(&patterns, &addresses);
}

fn assert_coverage_is_exact(patterns: &[String], addresses: &[String]) {
    let compiled: Vec<_> = patterns
        .iter()
        .map(|it| Pattern::parse(it).expect("well formed"))
        .collect();
    let matched: Vec<_> = compiled.iter().map(|it| matched(it, addresses)).collect();
    for (covering, covering_matched) in compiled.iter().zip(&matched) {
        for (covered, covered_matched) in compiled.iter().zip(&matched) {
            let mut words = covered_matched.iter().zip(covering_matched);
            let expected = words.all(|(covered, covering)| covered & !covering == 0);
            assert_eq!(
                covering.covers(covered),
                expected,
                "{covering} covers {covered}"
            );
        }
    }
}

/// One bit for each address.
fn matched(pattern: &Pattern, addresses: &[String]) -> Vec<u64> {
    let bits = |chunk: &[String]| {
        let bits = chunk.iter().enumerate();
        bits.fold(0, |bits, (index, it)| {
            bits | u64::from(pattern.matches(it)) << index
        })
    };
    addresses.chunks(64).map(bits).collect()
}

/// All paths of one to `length` of these segments.
fn paths(segments: &[&str], length: usize) -> Vec<String> {
    let mut paths = vec![String::new()];
    let mut from = 0;
    for _ in 0..length {
        let longer: Vec<_> = paths[from..]
            .iter()
            .flat_map(|path| {
                segments
                    .iter()
                    .map(move |segment| format!("{path}/{segment}"))
            })
            .collect();
        from = paths.len();
        paths.extend(longer);
    }
    paths.split_off(1)
}

/// All words of none to `length` of these letters.
fn words(letters: &str, length: usize) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut from = 0;
    for _ in 0..length {
        let longer: Vec<_> = words[from..]
            .iter()
            .flat_map(|word| letters.chars().map(move |letter| format!("{word}{letter}")))
            .collect();
        from = words.len();
        words.extend(longer);
    }
    words
}

fn pattern(segments: usize) -> impl Strategy<Value = String> {
    let segment = select(vec![
        "a", "b", "ab", "*", "**", "***", "a*", "*b", "a*b", "*a*", "a**a",
    ]);
    path(segment, segments)
}

fn address(segments: usize) -> impl Strategy<Value = String> {
    path(
        select(vec!["a", "b", "ab", "z", "azb", "aa", "aba", "\u{e9}"]),
        segments,
    )
}

fn path(
    segment: impl Strategy<Value = &'static str>,
    segments: usize,
) -> impl Strategy<Value = String> {
    prop::collection::vec(segment, 1..=segments).prop_map(|path| format!("/{}", path.join("/")))
}
