//! `clasp replay`: plays what a journal has recorded into a router, with the pauses that there were.

use std::time::{Duration, Instant};

use clasp_client::{Client, Reconnect};
use clasp_proto::binary::{self, MessageRef};
use clasp_proto::{Pattern, Set};
use clasp_store::journal::{Entry, Query, Reader};
use tokio::time::sleep_until;

use super::connect;
use crate::args::ReplayArgs;
use crate::error::CommandError;
use crate::output::{self, Progress};

/// Plays all of it and says how much that was.
///
/// # Errors
/// The journal cannot be read, or the router is not there or refuses something: then the rest is not played.
pub(crate) async fn run(args: &ReplayArgs) -> Result<(), CommandError> {
    let pattern = Pattern::parse(&args.pattern);
    let pattern = pattern.map_err(clasp_client::ClientError::from)?;
    let reader = Reader::open(&args.journal)?;
    let latest = reader.latest_sequence()?;
    let builder = connect::builder(&args.connect).reconnect(Reconnect::never());
    let client = builder.cache_addresses_max(0).connect().await?;
    let progress = Progress::new("replayed");
    let mut pace = None;
    let (mut after_sequence, mut played) = (0, 0_u64);
    loop {
        let query = Query {
            pattern: &pattern,
            from_us: args.from,
            to_us: args.to,
            after_sequence,
            limit: PAGE_ENTRIES,
            signals: None,
        };
        let page = reader.query(&query, &mut |_| true)?;
        for entry in &page {
            let pace = pace.get_or_insert_with(|| Pace::new(entry.at_us, args.speed));
            pace.wait(entry.at_us).await;
            play(&client, entry).await?;
            played += 1;
            after_sequence = entry.sequence;
            progress.show(entry.sequence as f64 / latest.max(1) as f64);
        }
        if page.len() < PAGE_ENTRIES {
            break;
        }
    }
    client.close().await;
    drop(progress);
    Ok(output::success(&format!("Replayed {played} messages"))?)
}

/// A SET is one of the value that it had, whatever the revision of its address is now.
async fn play(client: &Client, entry: &Entry) -> Result<(), CommandError> {
    match binary::view(&entry.payload) {
        Ok(MessageRef::Set(set)) => {
            let Set {
                address,
                value,
                ttl,
                ..
            } = set.to_owned();
            let call = client.set(&address, value);
            match ttl {
                Some(ttl) => call.ttl(ttl).await?,
                None => call.await?,
            };
        }
        Ok(MessageRef::Publish(publish)) => client.publish(publish.to_owned()).await?,
        // A reader gives nothing else.
        _ => {}
    }
    Ok(())
}

/// When each message is due.
struct Pace {
    begun: Instant,
    first_us: u64,
    speed: f64,
}

impl Pace {
    fn new(first_us: u64, speed: f64) -> Self {
        Self {
            begun: Instant::now(),
            first_us,
            speed,
        }
    }

    async fn wait(&self, at_us: u64) {
        if let Some(after) = self.after(at_us) {
            sleep_until((self.begun + after).into()).await;
        }
    }

    /// How long after the first one; nothing if there are no pauses.
    fn after(&self, at_us: u64) -> Option<Duration> {
        let later = Duration::from_micros(at_us.saturating_sub(self.first_us));
        let paced = Duration::try_from_secs_f64(later.as_secs_f64() / self.speed).ok()?;
        (self.speed > 0.0).then_some(paced.min(LATER_MAX))
    }
}

/// Entries that are read at once.
const PAGE_ENTRIES: usize = 1000;

/// Beyond any wait.
const LATER_MAX: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_are_as_long_as_they_were() {
        let after = |speed, at_us| Pace::new(1_000_000, speed).after(at_us);
        assert_eq!(after(1.0, 3_500_000), Some(Duration::from_millis(2500)));
        assert_eq!(after(2.5, 3_500_000), Some(Duration::from_secs(1)));
        assert_eq!(after(0.5, 3_500_000), Some(Duration::from_secs(5)));
        assert_eq!(
            after(1.0, 5),
            Some(Duration::ZERO),
            "the clock was set back"
        );
        assert_eq!(after(0.0, 3_500_000), None);
        assert_eq!(after(0.0, 1_000_000), None);
        assert_eq!(after(1e-300, 3_500_000), None);
    }
}
