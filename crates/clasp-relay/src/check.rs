//! `--check-config`: what would run, with where each setting comes from, in a form that `--config` reads.

use anyhow::Context as _;
use clap::parser::ValueSource;
use clap::{Arg, ArgAction};
use clasp_server::{Config, Plan, StartError};

use crate::flags::Flags;
use crate::settings::Settings;

/// The settings as TOML, and as comments who set them and what would be opened.
///
/// # Errors
/// The configuration cannot run: every problem at once.
pub(crate) fn report(settings: &Settings) -> Result<String, anyhow::Error> {
    let plan = plan(&settings.flags.config())?;
    match &settings.flags.basics.explain {
        Some(address) => explain(settings, &plan, address),
        None => Ok(as_toml(settings, &plan)),
    }
}

fn plan(config: &Config) -> Result<Plan, StartError> {
    Ok(Plan::new(config)?)
}

/// What the rules of the application say about one address.
fn explain(settings: &Settings, plan: &Plan, address: &str) -> Result<String, anyhow::Error> {
    let user = settings.flags.basics.explain_as.as_deref();
    let explained = plan.explain(address, user);
    let explained = explained.with_context(|| format!("--explain {address}"))?;
    let remarks: String = plan.remarks().map(|remark| remark + "\n").collect();
    Ok(remarks + &explained)
}

fn as_toml(settings: &Settings, plan: &Plan) -> String {
    // The command line that has been read has the options of the file behind all others.
    let command = Flags::command();
    let arguments = command.get_arguments();
    let lines_of_settings = arguments.filter_map(|arg| line(settings, arg));
    let idle = settings.idle().into_iter().map(|idle| format!("# {idle}"));
    let opened = plan
        .opens()
        .into_iter()
        .map(|opened| format!("#   {opened}"));
    let remarks = plan.remarks().map(|remark| format!("# {remark}"));
    let head = "# This relay would run with:".to_owned();
    let lines = std::iter::once(head)
        .chain(lines_of_settings)
        .chain(idle)
        .chain(remarks);
    let opens = [String::new(), "# and would open:".to_owned()];
    let lines = lines.chain(opens).chain(opened);
    lines.map(|line| line + "\n").collect()
}

/// One setting and who set it; nothing for what is not set, or is no setting.
fn line(settings: &Settings, arg: &Arg) -> Option<String> {
    let is_setting = |long: &&str| !NO_SETTINGS.contains(long) && !Flags::is_missing(long);
    let long = arg.get_long().filter(is_setting)?;
    let id = arg.get_id().as_str();
    let raw = settings.matches.get_raw(id)?;
    let mut values = raw.map(|value| written(&value.to_string_lossy()));
    let value = match arg.get_action() {
        ArgAction::SetTrue => settings.matches.get_flag(id).to_string(),
        ArgAction::Append => format!("[{}]", values.collect::<Vec<_>>().join(", ")),
        _ => values.next()?,
    };
    let setting = format!("{long} = {value}");
    Some(format!("{setting:<40} # {}", source(settings, arg, long)))
}

/// Numbers bare, everything else quoted.
fn written(value: &str) -> String {
    if value
        .parse::<i64>()
        .is_ok_and(|number| number.to_string() == value)
    {
        value.to_owned()
    } else {
        toml::Value::String(value.to_owned()).to_string()
    }
}

fn source(settings: &Settings, arg: &Arg, long: &str) -> String {
    match settings.matches.value_source(arg.get_id().as_str()) {
        Some(ValueSource::CommandLine) => "command line".to_owned(),
        Some(ValueSource::EnvVariable) => {
            let variable = arg.get_env().unwrap_or_default();
            variable.to_string_lossy().into_owned()
        }
        _ => match &settings.file {
            Some((path, options)) if options.iter().any(|option| option == long) => {
                path.display().to_string()
            }
            _ => "default".to_owned(),
        },
    }
}

/// Options that say what to do, not how to run.
const NO_SETTINGS: [&str; 7] = [
    "config",
    "check-config",
    "explain",
    "as",
    "generate",
    "help",
    "version",
];
