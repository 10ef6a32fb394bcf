//! Values as they are typed.

use std::io::{self, Read};

use clasp_proto::{Value, text};

use crate::args::ValueArgs;
use crate::error::CommandError;
use crate::output;

/// The value of a command line argument: JSON if it is, else text; `-` stands for what stdin has.
///
/// # Errors
/// Stdin cannot be read, or is not text.
pub(crate) fn read(typed: &str, how: &ValueArgs) -> Result<Value, CommandError> {
    if typed != "-" {
        return Ok(parse(typed, how.string));
    }
    let mut read = String::new();
    io::stdin()
        .read_to_string(&mut read)
        .map_err(CommandError::Stdin)?;
    // The line end belongs to the line, not to the value.
    let line = read.strip_suffix('\n').unwrap_or(&read);
    Ok(parse(line.strip_suffix('\r').unwrap_or(line), how.string))
}

fn parse(typed: &str, is_text: bool) -> Value {
    if is_text {
        return Value::from(typed);
    }
    let value = text::value_from_text(typed);
    if looks_like_json(typed) && value == Value::from(typed) {
        output::status("Taken as text, since it is not JSON; --string says so on purpose");
    }
    value
}

/// True for text that begins as only JSON does; words are meant to be text.
fn looks_like_json(typed: &str) -> bool {
    typed.trim_start().starts_with(['{', '[', '"'])
}
