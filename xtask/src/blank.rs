//! Takes comments, literals and tests out of Rust text, and leaves every line where it was.

/// The code without comments and without what stands inside literals.
///
/// Not a parser: it knows just enough of the lexical rules that braces and words in the result are code.
pub(crate) fn comments_and_literals(source: &str) -> String {
    let mut blanker = Blanker {
        input: source.as_bytes(),
        output: String::with_capacity(source.len()),
        position: 0,
    };
    while blanker.position < blanker.input.len() {
        blanker.step();
    }
    blanker.output
}

/// Blanks every item under `#[cfg(test)]`; takes the output of [`comments_and_literals`].
pub(crate) fn tests(code: &str) -> String {
    let mut output = code.to_owned();
    while let Some(start) = TEST_MARKS.iter().filter_map(|mark| output.find(mark)).min() {
        let end = item_end(&output, start);
        let blanked: String = output[start..end].chars().map(keep_newline).collect();
        output.replace_range(start..end, &blanked);
    }
    output
}

/// The index after the brace that closes the one at `open`.
pub(crate) fn matching_brace(code: &str, open: usize) -> usize {
    let mut depth = 0_usize;
    for (offset, byte) in code[open..].bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 1 => return open + offset + 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    code.len()
}

/// Where the block of the item at `start` opens; none if it ends with a semicolon instead.
pub(crate) fn block_start(code: &str, start: usize) -> Option<usize> {
    let at = header_end(code, start);
    code[at..].starts_with('{').then_some(at)
}

/// The end of the item whose first attribute starts at `start`.
fn item_end(code: &str, start: usize) -> usize {
    match block_start(code, start) {
        Some(open) => matching_brace(code, open),
        None => (header_end(code, start) + 1).min(code.len()),
    }
}

/// The first brace or semicolon outside of brackets.
fn header_end(code: &str, start: usize) -> usize {
    let mut brackets = 0_i32;
    for (offset, byte) in code[start..].bytes().enumerate() {
        match byte {
            b'[' | b'(' => brackets += 1,
            b']' | b')' => brackets -= 1,
            b'{' | b';' if brackets == 0 => return start + offset,
            _ => {}
        }
    }
    code.len()
}

fn keep_newline(character: char) -> char {
    if character == '\n' { '\n' } else { ' ' }
}

struct Blanker<'a> {
    input: &'a [u8],
    output: String,
    position: usize,
}

impl Blanker<'_> {
    fn step(&mut self) {
        let rest = &self.input[self.position..];
        if rest.starts_with(b"//") {
            self.blank(line_length(rest));
        } else if rest.starts_with(b"/*") {
            self.blank(block_comment_length(rest));
        } else if let Some(length) = raw_string_length(rest).filter(|_| !self.after_word()) {
            self.blank(length);
        } else if rest[0] == b'"' {
            self.blank(quoted_length(rest, b'"'));
        } else if rest[0] == b'\'' && is_character_literal(rest) {
            self.blank(quoted_length(rest, b'\''));
        } else {
            let byte = if rest[0].is_ascii() { rest[0] } else { b' ' };
            self.output.push(char::from(byte));
            self.position += 1;
        }
    }

    fn after_word(&self) -> bool {
        self.output
            .ends_with(|last: char| last.is_alphanumeric() || last == '_')
    }

    fn blank(&mut self, length: usize) {
        let end = (self.position + length).min(self.input.len());
        for byte in &self.input[self.position..end] {
            self.output.push(keep_newline(char::from(*byte)));
        }
        self.position = end;
    }
}

fn line_length(rest: &[u8]) -> usize {
    rest.iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len())
}

fn block_comment_length(rest: &[u8]) -> usize {
    let mut depth = 0_usize;
    let mut position = 0;
    while position < rest.len() {
        if rest[position..].starts_with(b"/*") {
            depth += 1;
            position += 2;
        } else if rest[position..].starts_with(b"*/") {
            depth -= 1;
            position += 2;
            if depth == 0 {
                break;
            }
        } else {
            position += 1;
        }
    }
    position
}

/// The length of `r"..."`, `r#"..."#` or `br"..."` at the start, if there is one.
fn raw_string_length(rest: &[u8]) -> Option<usize> {
    let prefix = if rest.starts_with(b"br") { 2 } else { 1 };
    if rest.get(prefix - 1) != Some(&b'r') {
        return None;
    }
    let hashes = rest[prefix..]
        .iter()
        .take_while(|byte| **byte == b'#')
        .count();
    let open = prefix + hashes;
    if rest.get(open) != Some(&b'"') {
        return None;
    }
    let mut close = vec![b'"'];
    close.resize(1 + hashes, b'#');
    let body = &rest[open + 1..];
    let length = body.windows(close.len()).position(|window| window == close);
    Some(open + 1 + length.unwrap_or(body.len()) + close.len())
}

fn quoted_length(rest: &[u8], quote: u8) -> usize {
    let mut position = 1;
    while position < rest.len() && rest[position] != quote {
        position += if rest[position] == b'\\' { 2 } else { 1 };
    }
    position + 1
}

/// Tells `'x'` and `'\n'` from the lifetime `'a`.
fn is_character_literal(rest: &[u8]) -> bool {
    match rest.get(1) {
        Some(b'\\') => true,
        Some(first) if first.is_ascii() => rest.get(2) == Some(&b'\''),
        Some(_) => true,
        None => false,
    }
}

const TEST_MARKS: [&str; 2] = ["#[cfg(test)]", "#[cfg(all(test"];

#[cfg(test)]
mod tests_of_blank {
    use super::{comments_and_literals, tests};

    fn check(source: &str, expected: &str) {
        let code = tests(&comments_and_literals(source));
        let squeezed: Vec<&str> = code.split_whitespace().collect();
        assert_eq!(squeezed.join(" "), expected, "source: {source}");
        assert_eq!(
            code.lines().count(),
            source.lines().count(),
            "source: {source}"
        );
    }

    #[test]
    fn comments_go() {
        check("a // b\nc", "a c");
        check("a /* b /* c */ d */ e", "a e");
    }

    #[test]
    fn literals_go() {
        check(r#"f("a\"b{")"#, "f( )");
        check("f(r#\"a\"{\"#, b\"x\", br\"y\")", "f( , b , )");
        check("f('{', '\\'', b'x')", "f( , , b )");
        check("for_each::<'a>(bar\"x\")", "for_each::<'a>(bar )");
    }

    #[test]
    fn tests_go() {
        check(
            "fn a() {}\n#[cfg(test)]\nmod tests {\n fn b() {}\n}\nfn c() {}",
            "fn a() {} fn c() {}",
        );
        check(
            "#[cfg(test)]\n#[path = \"x\"]\nmod tests;\nfn c() {}",
            "fn c() {}",
        );
        check(
            "#[cfg(test)]\nfn f(a: [u8; 2]) {\n}\nfn c() {}",
            "fn c() {}",
        );
    }
}
