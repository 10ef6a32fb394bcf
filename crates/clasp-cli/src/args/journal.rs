//! Options of `clasp journal`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::RegistryArgs;

/// What a relay has recorded: asked of it, or in its file.
#[derive(Debug, Subcommand)]
pub(crate) enum JournalCommand {
    /// Print what was recorded of the addresses that match a pattern
    Query(JournalQueryArgs),
    /// Print what was recorded after a number
    Since(JournalSinceArgs),
    /// Print the number of the last record
    Latest(RegistryArgs),
    /// Print the params of the newest snapshot
    Snapshot(JournalSnapshotArgs),
    /// Look for damage in the file of a journal; nothing is changed
    Verify(JournalVerifyArgs),
    /// Copy a journal into a new file, also while a relay writes it
    Backup(JournalBackupArgs),
    /// Write a journal as lines of JSON, with all that is needed to make it anew
    Export(JournalExportArgs),
    /// Make a new journal of such lines, or of a journal of CLASP 4.5
    Import(JournalImportArgs),
}

#[derive(Debug, Args)]
pub(crate) struct JournalQueryArgs {
    /// Which addresses
    #[arg(value_name = "PATTERN", default_value = "/**")]
    pub(crate) pattern: String,
    /// Not earlier, in microseconds since 1970
    #[arg(long, value_name = "MICROSECONDS")]
    pub(crate) from: Option<u64>,
    /// Not later, in microseconds since 1970
    #[arg(long, value_name = "MICROSECONDS")]
    pub(crate) to: Option<u64>,
    /// Entries to print at most
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) limit: u64,
    /// Kinds of signals: param, event, stream, gesture, timeline; several with commas
    #[arg(long, value_name = "KINDS")]
    pub(crate) types: Option<String>,
    /// Print one JSON object for each entry
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) relay: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct JournalSinceArgs {
    /// The number of a record
    #[arg(value_name = "SEQUENCE")]
    pub(crate) sequence: u64,
    /// Entries to print at most
    #[arg(long, value_name = "NUMBER", default_value = "100", value_parser = clap::value_parser!(u64).range(1..=10_000))]
    pub(crate) limit: u64,
    /// Print one JSON object for each entry
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) relay: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct JournalSnapshotArgs {
    /// Print one JSON object for each param
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) relay: RegistryArgs,
}

#[derive(Debug, Args)]
pub(crate) struct JournalVerifyArgs {
    /// The file of the journal
    pub(crate) path: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct JournalBackupArgs {
    /// The file of the journal
    pub(crate) path: PathBuf,
    /// The new file; it must not be there yet
    #[arg(long, value_name = "PATH")]
    pub(crate) into: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct JournalExportArgs {
    /// The file of the journal
    pub(crate) path: PathBuf,
    /// The new file of lines; stdout without it
    #[arg(long, value_name = "PATH")]
    pub(crate) into: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct JournalImportArgs {
    /// Lines that export has written, or a journal of CLASP 4.5
    pub(crate) path: PathBuf,
    /// The new journal; it must not be there yet
    #[arg(long, value_name = "PATH")]
    pub(crate) into: PathBuf,
}
