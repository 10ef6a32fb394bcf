//! Value: whether an option takes a text, found out by the option itself.

use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, Command};
use thiserror::Error;

/// A text that an option does not take.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ValueProblem {
    /// The option says what it expects.
    #[error("{text}")]
    Refused {
        /// In the words of the command line, without the hint to `--help`.
        text: String,
    },
    /// A list for an option that is given once.
    #[error("expected one value, found {found}")]
    Several {
        /// How many there are.
        found: usize,
    },
}

/// Asks the option whether it takes these texts.
pub(crate) fn check(arg: &Arg, texts: &[String]) -> Option<ValueProblem> {
    let is_list = matches!(arg.get_action(), ArgAction::Append);
    if texts.len() > 1 && !is_list {
        return Some(ValueProblem::Several { found: texts.len() });
    }
    // A switch takes no value on the command line; as a default it is true or false.
    let asked = match arg.get_action() {
        ArgAction::SetTrue => truth(arg.clone()).action(ArgAction::Set).num_args(1),
        _ => arg.clone(),
    };
    let long = arg.get_long()?;
    let words = texts.iter().map(|text| format!("--{long}={text}"));
    let words = std::iter::once("program".to_owned()).chain(words);
    let command = Command::new("program").arg(asked.env(None::<&str>));
    match command.try_get_matches_from(words) {
        Ok(_) => None,
        Err(error) => Some(ValueProblem::Refused {
            text: refusal(&error),
        }),
    }
}

/// A switch that as a default takes true and false, yes and no, on and off, 1 and 0.
pub(crate) fn truth(switch: Arg) -> Arg {
    switch.value_parser(BoolishValueParser::new())
}

/// The first line of what the command line says, which is the cause.
fn refusal(error: &clap::Error) -> String {
    let text = match error.kind() {
        ErrorKind::ValueValidation | ErrorKind::InvalidValue => error.to_string(),
        _ => error.render().to_string(),
    };
    let cause = text.lines().next().unwrap_or_default();
    cause.trim_start_matches("error: ").to_owned()
}
