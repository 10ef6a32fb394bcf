//! `clasp get`: prints a param's value.

use clasp_proto::{Value, text};
use serde_json::json;

use crate::args::GetArgs;
use crate::commands::connect;
use crate::error::CommandError;
use crate::output;

/// Prints the value as JSON, a text as it is if so wished.
///
/// # Errors
/// The router is not there or does not answer, or the param does not exist.
pub(crate) async fn run(args: GetArgs) -> Result<(), CommandError> {
    let client = connect::briefly(&args.connect, args.timeout, &args.address).await?;
    let param = client.get(&args.address).await?;
    client.close().await;
    let Some(param) = param else {
        let address = args.address;
        return Err(CommandError::Absent { address });
    };
    if let (true, Value::String(text)) = (args.raw, &param.value) {
        return Ok(output::result(text)?);
    }
    let value = text::to_json(&param.value);
    let shown = if args.json {
        json!({
            "address": param.address,
            "value": value,
            "revision": param.revision,
            "writer": param.writer,
            "timestamp": param.timestamp,
        })
    } else {
        value
    };
    Ok(output::json(&shown)?)
}
