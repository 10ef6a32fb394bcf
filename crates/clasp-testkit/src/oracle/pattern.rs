//! Patterns by the plainest recursion: protocol/router.md 4.

/// Whether an address matches a pattern; both start with `/`.
pub fn matches(pattern: &str, address: &str) -> bool {
    let pattern: Vec<&str> = pattern.split('/').skip(1).collect();
    let address: Vec<&str> = address.split('/').skip(1).collect();
    segments_match(&pattern, &address)
}

fn segments_match(pattern: &[&str], address: &[&str]) -> bool {
    match (pattern, address) {
        ([], []) => true,
        (["**", rest @ ..], _) => {
            (0..=address.len()).any(|skipped| segments_match(rest, &address[skipped..]))
        }
        ([first, rest @ ..], [segment, others @ ..]) => {
            segment_matches(first, segment) && segments_match(rest, others)
        }
        _ => false,
    }
}

fn segment_matches(pattern: &str, segment: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == segment,
        Some((before, after)) => segment.strip_prefix(before).is_some_and(|rest| {
            (0..=rest.len()).any(|skipped| {
                rest.is_char_boundary(skipped) && segment_matches(after, &rest[skipped..])
            })
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn wildcards_match_as_the_table_of_the_protocol_says() {
        for (pattern, address, expected) in [
            ("/a/**", "/a", true),
            ("/a/**", "/ab", false),
            ("/a/**/c", "/a/b/b/c", true),
            ("/a/*", "/a/b/c", false),
            ("/a/b*", "/a/b", true),
            ("/a/b*d", "/a/bcd", true),
            ("/a/b**", "/a/bcd/e", false),
            ("/**/x/**", "/x", true),
            ("/a/?", "/a/b", false),
        ] {
            assert_eq!(matches(pattern, address), expected, "{pattern} {address}");
        }
    }
}
