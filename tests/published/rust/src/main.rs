//! Drives the published Rust client for the suite: one JSON command a line in, replies and events out.

mod operations;
mod tagged;

use std::io::Write;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tokio::io::{AsyncBufReadExt, BufReader, stdin};

use operations::Agent;

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let agent = Arc::new(Agent::default());
    let mut lines = BufReader::new(stdin()).lines();
    while let Some(line) = lines.next_line().await? {
        let request: Json = serde_json::from_str(&line)?;
        let answered = answer(Arc::clone(&agent), request.clone());
        if request["background"] == true {
            tokio::spawn(answered);
        } else {
            answered.await;
        }
    }
    Ok(())
}

async fn answer(agent: Arc<Agent>, request: Json) {
    let id = &request["id"];
    send(&match agent.perform(&request).await {
        Ok(result) => json!({"id": id, "ok": result}),
        Err(error) => json!({"id": id, "error": error.to_string()}),
    });
}

fn send(message: &Json) {
    let mut out = std::io::stdout().lock();
    // The suite has gone away when this fails, and ends this program by closing its input.
    let _ = writeln!(out, "{message}").and_then(|()| out.flush());
}
