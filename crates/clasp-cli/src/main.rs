//! The clasp command: reads the command line, runs the command, tells how it went.

mod args;
mod commands;
mod config;
mod error;
mod logging;
mod output;
mod token_file;

use std::process::ExitCode;

use clap::{CommandFactory, FromArgMatches, Parser};
use mimalloc::MiMalloc;

use args::{Cli, Command};
use error::CommandError;

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

#[tokio::main]
async fn main() -> ExitCode {
    let Err(error) = run().await else {
        return ExitCode::SUCCESS;
    };
    let code = error.exit_code();
    if code != 0 {
        output::failure(&error.to_string());
    }
    ExitCode::from(code)
}

async fn run() -> Result<(), CommandError> {
    let cli = command_line()?;
    logging::start(&cli.global, cli.command.log_level())?;
    match cli.command {
        Command::Server(args) => commands::server::run(args).await,
        Command::Pub(args) => commands::publish::run(args).await,
        Command::Set(args) => commands::set::run(args).await,
        Command::Get(args) => commands::get::run(args).await,
        Command::Emit(args) => commands::emit::run(args).await,
        Command::Sub(args) => commands::sub::run(args).await,
        Command::Discover(args) => commands::discover::run(args).await,
        Command::Bench(args) => commands::bench::run(args).await,
        Command::Top(args) => commands::top::run(&args).await,
        Command::Key(command) => commands::key::run(&command),
        Command::Token(command) => commands::token::run(&command).await,
        Command::Identity(command) => commands::identity::run(&command),
        Command::Crypto(command) => commands::crypto::run(&command),
        Command::Entity(command) => commands::entity::run(&command).await,
        Command::Journal(command) => commands::journal::run(&command).await,
        Command::Replay(args) => commands::replay::run(&args).await,
        Command::Info => commands::info::run(),
        Command::Completions(args) => commands::completions::run(&args),
    }
}

/// Reads the command line, a second time with the defaults of the file that it names. Wrong usage ends here.
fn command_line() -> Result<Cli, CommandError> {
    let cli = Cli::parse();
    let Some(path) = &cli.global.config else {
        return Ok(cli);
    };
    let command = config::with_defaults(Cli::command(), path)?;
    // The command line has been read without the file before: what is wrong now is the file.
    let wrong = |source| CommandError::ConfigValue {
        path: path.clone(),
        source,
    };
    let matches = command.try_get_matches().map_err(wrong)?;
    Cli::from_arg_matches(&matches).map_err(wrong)
}
