//! `clasp set`: sets a param.

use clasp_proto::{Ttl, Value, text};
use serde_json::json;

use crate::args::SetArgs;
use crate::commands::{connect, value};
use crate::error::CommandError;
use crate::output;

/// Sets the param and prints its new revision.
///
/// # Errors
/// The router is not there, does not answer or refuses.
pub(crate) async fn run(args: SetArgs) -> Result<(), CommandError> {
    let value = value::read(&args.value, &args.how)?;
    let client = connect::briefly(&args.connect, args.how.timeout, &args.address).await?;
    let mut set = client.set(&args.address, value.clone());
    if let Some(revision) = args.revision {
        set = set.revision(revision);
    }
    if args.lock {
        set = set.lock();
    }
    if args.unlock {
        set = set.unlock();
    }
    if let Some(ttl) = ttl(&args) {
        set = set.ttl(ttl);
    }
    let revision = set.await?;
    client.close().await;
    let done = Done {
        verb: "Set",
        address: &args.address,
        value: &value,
        revision: Some(revision),
    };
    done.print(args.how.json)
}

fn ttl(args: &SetArgs) -> Option<Ttl> {
    match args.expire_in {
        Some(seconds) => Some(Ttl::Absolute(seconds)),
        None => args.ttl,
    }
}

/// What a command has done.
#[derive(Debug)]
pub(crate) struct Done<'a> {
    pub(crate) verb: &'static str,
    pub(crate) address: &'a str,
    pub(crate) value: &'a Value,
    pub(crate) revision: Option<u64>,
}

impl Done<'_> {
    /// Prints it as a line or as JSON.
    ///
    /// # Errors
    /// Nobody reads stdout.
    pub(crate) fn print(&self, as_json: bool) -> Result<(), CommandError> {
        let value = text::to_json(self.value);
        if as_json {
            let object = json!({
                "address": self.address,
                "value": value,
                "revision": self.revision,
            });
            return Ok(output::json(&object)?);
        }
        let revision = match self.revision {
            Some(revision) => format!(" (revision {revision})"),
            None => String::new(),
        };
        let line = format!("{} {} = {value}{revision}", self.verb, self.address);
        Ok(output::success(&line)?)
    }
}
