//! The production relay: flags to configuration to server, and exit codes.

mod check;
mod descriptors;
mod flags;
mod generate;
mod log;
mod output;
mod serve;
mod settings;

use std::fmt::Display;
use std::process::ExitCode;
use std::time::Duration;

use clasp_server::StartError;
use mimalloc::MiMalloc;
use tokio::runtime::Runtime;

use settings::{Settings, SettingsError};

#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let settings = match settings::read() {
        Ok(settings) => settings,
        Err(error @ (SettingsError::Environment(_) | SettingsError::Missing(_))) => {
            return fail(USAGE, &error);
        }
        Err(error) => return fail(FAILURE, &error),
    };
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(FAILURE, &error),
    };
    let ended = runtime.block_on(run(&settings));
    // What waits for a disk or a name that does not answer is not waited for.
    runtime.shutdown_timeout(LAST_WORK);
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(exit_code(&error), &format!("{error:#}")),
    }
}

async fn run(settings: &Settings) -> Result<(), anyhow::Error> {
    let basics = &settings.flags.basics;
    if let Some(kind) = basics.generate {
        return Ok(output::text(&generate::generate(kind)?)?);
    }
    if basics.check_config {
        return Ok(output::text(check::report(settings)?.as_bytes())?);
    }
    log::start(basics);
    serve::serve(settings).await
}

fn exit_code(error: &anyhow::Error) -> u8 {
    match error.downcast_ref() {
        Some(StartError::Config(errors)) if errors.are_missing_features() => USAGE,
        _ => FAILURE,
    }
}

fn fail(code: u8, cause: &dyn Display) -> ExitCode {
    output::failure(cause);
    ExitCode::from(code)
}

/// What work on other threads gets at the very end.
const LAST_WORK: Duration = Duration::from_millis(500);

/// The command line or the environment is wrong, or asks for what this build does not have.
const USAGE: u8 = 2;

/// Everything else.
const FAILURE: u8 = 1;
