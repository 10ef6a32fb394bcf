//! Environment: a variable for every option, named after it.

use clap::{Arg, ArgAction, Command};

use crate::value::{ValueProblem, check, truth};

/// Gives every option the variable `<prefix>_<OPTION>`, with `_` for `-`.
#[must_use]
pub fn with_environment(command: Command, prefix: &str) -> Command {
    command.mut_args(|arg| {
        let Some(variable) = variable(&arg, prefix) else {
            return arg;
        };
        let arg = arg.env(variable).hide_env_values(true);
        match arg.get_action() {
            ArgAction::SetTrue => truth(arg),
            _ => arg,
        }
    })
}

/// The variables that are set to something their option does not take.
#[must_use]
pub fn environment_problems(command: &Command) -> Vec<(String, ValueProblem)> {
    let problem = |arg: &Arg| {
        let variable = arg.get_env()?.to_str()?;
        let text = std::env::var(variable).ok()?;
        let texts = match arg.get_value_delimiter() {
            Some(delimiter) => text.split(delimiter).map(str::to_owned).collect(),
            None => vec![text],
        };
        Some((variable.to_owned(), check(arg, &texts)?))
    };
    command.get_arguments().filter_map(problem).collect()
}

fn variable(arg: &Arg, prefix: &str) -> Option<String> {
    let is_setting = matches!(
        arg.get_action(),
        ArgAction::Set | ArgAction::Append | ArgAction::SetTrue
    );
    let long = arg.get_long().filter(|_| is_setting)?;
    let name = long.to_ascii_uppercase().replace('-', "_");
    Some(format!("{prefix}_{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_option_has_its_variable() {
        let command = Command::new("program")
            .arg(Arg::new("max").long("max-sessions"))
            .arg(Arg::new("no").long("no-ttl").action(ArgAction::SetTrue))
            .arg(Arg::new("file"));
        let command = with_environment(command, "CLASP");
        let variables: Vec<_> = command.get_arguments().map(Arg::get_env).collect();
        let names = ["CLASP_MAX_SESSIONS", "CLASP_NO_TTL"].map(|name| Some(name.as_ref()));
        assert_eq!(variables, [names[0], names[1], None]);
    }
}
