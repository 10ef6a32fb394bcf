//! `clasp replay`: plays what a journal has recorded into a router, with the pauses that there were.

use std::time::{Duration, Instant};

use clasp_client::{Client, Reconnect};
use clasp_proto::binary::{self, MessageRef};
use clasp_proto::{Message, Pattern, Set};
use clasp_store::journal::{Entry, JournalError, Query, Reader};
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
    let mut together: Vec<Entry> = Vec::new();
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
        check_gap(&reader, after_sequence)?;
        let is_last = page.len() < PAGE_ENTRIES;
        for entry in page {
            if together.last().is_some_and(|it| it.record != entry.record) {
                play(&client, &together).await?;
                together.clear();
            }
            let pace = pace.get_or_insert_with(|| Pace::new(entry.at_us, args.speed));
            pace.wait(entry.at_us).await;
            played += 1;
            after_sequence = entry.sequence;
            progress.show(entry.sequence as f64 / latest.max(1) as f64);
            together.push(entry);
        }
        if is_last {
            break;
        }
    }
    play(&client, &together).await?;
    client.close().await;
    drop(progress);
    Ok(output::success(&format!("Replayed {played} messages"))?)
}

/// A relay that compacts the journal does not wait for who reads its file.
fn check_gap(reader: &Reader, after: u64) -> Result<(), JournalError> {
    let floor = reader.floor()?.unwrap_or(0);
    match after > 0 && floor > after {
        true => Err(JournalError::Removed {
            first: after + 1,
            last: floor,
        }),
        false => Ok(()),
    }
}

/// What was done together is done together again.
async fn play(client: &Client, record: &[Entry]) -> Result<(), CommandError> {
    match record {
        [] => {}
        [entry] => play_one(client, entry).await?,
        entries => {
            let mut bundle = client.bundle();
            for message in entries.iter().filter_map(message) {
                bundle = match message {
                    Message::Set(set) => bundle.set_with(set),
                    Message::Publish(publish) => bundle.publish(publish),
                    _ => bundle,
                };
            }
            bundle.send().await?;
        }
    }
    Ok(())
}

async fn play_one(client: &Client, entry: &Entry) -> Result<(), CommandError> {
    match message(entry) {
        Some(Message::Set(set)) => {
            let call = client.set(&set.address, set.value);
            match set.ttl {
                Some(ttl) => call.ttl(ttl).await?,
                None => call.await?,
            };
        }
        Some(Message::Publish(publish)) => client.publish(publish).await?,
        _ => {}
    }
    Ok(())
}

/// A SET is one of the value that it had, whatever the revision and the lock of its address are now.
fn message(entry: &Entry) -> Option<Message> {
    match binary::view(&entry.payload) {
        Ok(MessageRef::Set(set)) => Some(Message::Set(Set {
            revision: None,
            lock: false,
            unlock: false,
            ..set.to_owned()
        })),
        Ok(MessageRef::Publish(publish)) => Some(Message::Publish(publish.to_owned())),
        // A reader gives nothing else.
        _ => None,
    }
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
