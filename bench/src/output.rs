//! One JSON object on one line: the result of a run, and the only thing this program prints.

use std::fmt::Write as _;
use std::io::Write as _;

pub(crate) struct Line(String);

impl Line {
    pub(crate) fn new() -> Self {
        Self(String::from("{"))
    }

    pub(crate) fn text(&mut self, key: &str, value: &str) -> &mut Self {
        let value = value
            .replace('\\', "\\\\")
            .replace('"', "\\\"")
            .replace('\n', "\\n");
        self.raw(key, format_args!("\"{value}\""))
    }

    /// A number with at most three decimals; null if it is not finite.
    pub(crate) fn number(&mut self, key: &str, value: f64) -> &mut Self {
        if !value.is_finite() {
            self.raw(key, format_args!("null"))
        } else if value == value.trunc() && value.abs() < 1e15 {
            self.raw(key, format_args!("{}", value as i64))
        } else {
            self.raw(key, format_args!("{value:.3}"))
        }
    }

    pub(crate) fn count(&mut self, key: &str, value: usize) -> &mut Self {
        self.number(key, value as f64)
    }

    /// Ends the line and writes it to standard output.
    pub(crate) fn print(&self) {
        // Nobody is left to be told when the reader of the results has gone.
        let _ = writeln!(std::io::stdout().lock(), "{}}}", self.0);
    }

    fn raw(&mut self, key: &str, value: std::fmt::Arguments<'_>) -> &mut Self {
        let comma = if self.0.len() > 1 { "," } else { "" };
        write!(self.0, "{comma}\"{key}\":{value}").expect("a String takes everything");
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_keep_three_decimals_and_text_is_escaped() {
        let mut line = Line::new();
        line.number("a", 2.0)
            .number("b", 0.12345)
            .number("c", f64::NAN)
            .text("d", "x \"y\"\n");
        assert_eq!(line.0, r#"{"a":2,"b":0.123,"c":null,"d":"x \"y\"\n""#);
    }
}
