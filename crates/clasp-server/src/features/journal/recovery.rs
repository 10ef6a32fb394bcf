//! The state of the last run: the newest snapshot, and the records after it.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use clasp_router::{Export, Restored, Router, RouterConfig};
use clasp_store::journal::{JournalError, Reader, Snapshot};

use super::Journal;
use super::fold::Fold;
use super::limits::REPORT_INTERVAL;
use super::tap::JournalTap;
use crate::clock::Clock;
use crate::features::recovery_error::RecoveryError;
use crate::features::snapshot::{self, Decoded};
use crate::plan::JournalPlan;

/// A router with what the journal holds, and which journals what it does. A journal that holds nothing begins with
/// the state of `otherwise`. Waits for the disk.
///
/// # Errors
/// The journal cannot be used, or that state cannot be had.
pub(crate) fn open<E: From<RecoveryError>>(
    plan: &JournalPlan,
    config: &RouterConfig,
    clock: &Clock,
    otherwise: impl FnOnce() -> Result<Option<Router>, E>,
) -> Result<(Router, Option<Arc<Journal>>), E> {
    let failed = |error: JournalError| E::from(error.into());
    let journal = Arc::new(Journal::new(plan, *clock).map_err(failed)?);
    let reader = journal.store.reader().map_err(failed)?;
    let place = journal
        .path
        .as_deref()
        .unwrap_or_else(|| Path::new("memory"));
    let recovered = recover(&reader, place, config, clock)?;
    let router = match recovered {
        Some(export) => restore(export, place, config, clock)?,
        None => match otherwise()? {
            Some(router) => {
                // Else it would be gone with the next start, since the journal holds something then.
                journal.keep_state(&router).map_err(failed)?;
                router
            }
            None => {
                tracing::info!("No existing journal at {}, starting fresh", place.display());
                Router::new(config.clone(), clock.now())
            }
        },
    };
    let sequence = reader.latest_sequence().map_err(failed)?;
    journal.standing.begin(sequence);
    let tap = Box::new(JournalTap(Arc::clone(&journal)));
    Ok((router.after(sequence).with_tap(tap), Some(journal)))
}

/// What the journal holds; nothing if it is new.
fn recover(
    reader: &Reader,
    place: &Path,
    config: &RouterConfig,
    clock: &Clock,
) -> Result<Option<Export>, RecoveryError> {
    let kept = reader.newest_snapshot()?;
    let base = kept.map(|snapshot| decode(&snapshot, place, clock));
    let base = base.transpose()?;
    let is_new = base.is_none() && reader.latest_sequence()? == 0;
    if is_new {
        return Ok(None);
    }
    let base = base.unwrap_or_default();
    let from = base.sequence + 1;
    let mut fold = Fold::new(base, config.param_ttl);
    let mut progress = Progress::new(place);
    for record in reader.scan(from) {
        let record = record?;
        fold.apply(&record).map_err(|_| RecoveryError::Record {
            path: place.to_owned(),
            sequence: record.sequence,
        })?;
        progress.count(record.writes.len());
    }
    progress.done();
    Ok(Some(fold.into_export()))
}

fn decode(snapshot: &Snapshot, place: &Path, clock: &Clock) -> Result<Export, RecoveryError> {
    let path = || place.to_owned();
    let now = clock.now().wall;
    match snapshot::decode(&snapshot.state, now) {
        Ok(Decoded::Export(export)) => Ok(Export {
            sequence: snapshot.sequence,
            ..export
        }),
        Ok(Decoded::Newer(found)) => Err(RecoveryError::Newer {
            path: path(),
            found,
        }),
        Err(damage) => Err(RecoveryError::Snapshot {
            path: path(),
            damage,
        }),
    }
}

fn restore(
    export: Export,
    place: &Path,
    config: &RouterConfig,
    clock: &Clock,
) -> Result<Router, RecoveryError> {
    let sequence = export.sequence;
    let restored = Router::restored(config.clone(), export, clock.now());
    let (router, restored) = restored.map_err(|cause| RecoveryError::State {
        path: place.to_owned(),
        cause,
    })?;
    report(&restored, place, sequence);
    Ok(router)
}

fn report(restored: &Restored, place: &Path, sequence: u64) {
    let path = place.display();
    let Restored {
        params,
        expired,
        left_out,
    } = *restored;
    tracing::info!(sequence, "Recovered {params} params from {path}");
    if expired > 0 {
        tracing::info!(
            params = expired,
            "some expired since they were written to {path}"
        );
    }
    if left_out > 0 {
        tracing::warn!(
            params = left_out,
            "{path} holds more params than are kept: those that were written last stay; --no-ttl keeps any number"
        );
    }
}

/// Tells now and then how far a long recovery is.
struct Progress<'a> {
    place: &'a Path,
    begun: Instant,
    told: Duration,
    writes: usize,
}

impl<'a> Progress<'a> {
    fn new(place: &'a Path) -> Self {
        Self {
            place,
            begun: Instant::now(),
            told: Duration::ZERO,
            writes: 0,
        }
    }

    fn count(&mut self, writes: usize) {
        self.writes += writes;
        // Reading the clock for each record would be most of the work.
        if self.writes % 4096 >= writes {
            return;
        }
        let took = self.begun.elapsed();
        if took >= self.told + REPORT_INTERVAL {
            self.told = took;
            tracing::info!(writes = self.writes, "reading {}", self.place.display());
        }
    }

    fn done(self) {
        tracing::debug!(
            writes = self.writes,
            took = ?self.begun.elapsed(),
            "read {}",
            self.place.display()
        );
    }
}

#[cfg(test)]
mod tests;
