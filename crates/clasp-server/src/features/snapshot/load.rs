//! The params of the last run, at the start of the next one.

use clasp_router::{Export, Restored, Router, RouterConfig, Timestamp};
use clasp_store::{Lock, LockError};

use super::decode::{Decoded, decode};
use super::error::{Damage, SnapshotError};
use super::file::SnapshotFile;
use super::writer::Snapshots;
use crate::clock::Clock;
use crate::plan::SnapshotPlan;

/// Who writes the file from now on, whatever it holds: the state comes from elsewhere. Waits for the disk.
///
/// # Errors
/// It could not be written.
pub(crate) fn take_over(plan: &SnapshotPlan) -> Result<Snapshots, SnapshotError> {
    let file = find(plan)?;
    let lock = lock(&file)?;
    try_write(&file)?;
    Ok(Snapshots::new(file, lock))
}

/// A router with what the file holds, and who writes the file from now on. Waits for the disk.
///
/// # Errors
/// The file cannot be used, and nobody allowed to start without it; or it could not be written.
pub(crate) fn load(
    plan: &SnapshotPlan,
    config: &RouterConfig,
    clock: &Clock,
) -> Result<(Router, Snapshots), SnapshotError> {
    let file = find(plan)?;
    let lock = lock(&file)?;
    let content = file.read().map_err(|source| SnapshotError::Read {
        path: plan.path.clone(),
        source,
    })?;
    let router = match content {
        Some(content) => restore(&content, plan, config, clock),
        None => {
            tracing::info!(
                "No existing snapshot at {}, starting fresh",
                plan.path.display()
            );
            Ok(Router::new(config.clone(), clock.now()))
        }
    };
    let router = match router {
        Err(SnapshotError::Damaged { damage, .. }) if plan.discard_corrupt => {
            set_aside(&file, &damage, clock.now().wall)?;
            Router::new(config.clone(), clock.now())
        }
        router => router?,
    };
    try_write(&file)?;
    Ok((router, Snapshots::new(file, lock)))
}

fn find(plan: &SnapshotPlan) -> Result<SnapshotFile, SnapshotError> {
    SnapshotFile::find(&plan.path).map_err(|source| SnapshotError::Path {
        path: plan.path.clone(),
        source,
    })
}

fn try_write(file: &SnapshotFile) -> Result<(), SnapshotError> {
    file.try_write().map_err(|source| SnapshotError::Write {
        path: file.temporary.clone(),
        source,
    })
}

fn lock(file: &SnapshotFile) -> Result<Lock, SnapshotError> {
    Lock::take(&file.lock).map_err(|error| match error {
        LockError::Held(holder) => SnapshotError::InUse {
            path: file.named.clone(),
            holder,
        },
        LockError::Io(source) => SnapshotError::Write {
            path: file.lock.clone(),
            source,
        },
    })
}

fn restore(
    content: &[u8],
    plan: &SnapshotPlan,
    config: &RouterConfig,
    clock: &Clock,
) -> Result<Router, SnapshotError> {
    let path = || plan.path.clone();
    let damaged = |damage| SnapshotError::Damaged {
        path: path(),
        damage,
    };
    let now = clock.now();
    let export: Export = match decode(content, now.wall).map_err(damaged)? {
        Decoded::Export(export) => export,
        Decoded::Newer(found) => {
            return Err(SnapshotError::Newer {
                path: path(),
                found,
            });
        }
    };
    let (router, restored) = Router::restored(config.clone(), export, now)
        .map_err(|error| damaged(Damage::Param(error)))?;
    report(&restored, plan);
    Ok(router)
}

fn report(restored: &Restored, plan: &SnapshotPlan) {
    let path = plan.path.display();
    tracing::info!("Restored {} params from {path}", restored.params);
    if restored.expired > 0 {
        tracing::info!(
            params = restored.expired,
            "some expired since they were written to {path}"
        );
    }
    if restored.left_out > 0 {
        tracing::warn!(
            params = restored.left_out,
            "{path} holds more params than are kept: those that were written last stay; \
             --no-ttl keeps any number"
        );
    }
}

fn set_aside(file: &SnapshotFile, damage: &Damage, now: Timestamp) -> Result<(), SnapshotError> {
    let path = file.named.clone();
    let aside = file
        .set_aside(now.0 / MICROS_PER_SECOND)
        .map_err(|source| SnapshotError::Write { path, source })?;
    tracing::error!(
        "the snapshot {} is damaged: {damage}: it is kept as {}, and all params of it are gone from this server",
        file.named.display(),
        aside.display()
    );
    Ok(())
}

const MICROS_PER_SECOND: u64 = 1_000_000;
