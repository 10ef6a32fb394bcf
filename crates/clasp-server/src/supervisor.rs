//! The only place that spawns: the parts of a server, and the tasks of its connections.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::task::{AbortHandle, Id, JoinError, JoinSet};
use tokio::time::timeout;

use crate::counters::{Counted, Counters};

/// The parts of a server, each with its name. Dropping them ends them.
#[derive(Debug, Default)]
pub(crate) struct Parts {
    tasks: JoinSet<()>,
    names: Vec<(Id, &'static str)>,
}

/// A part has ended although nobody asked it to.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the {name} ended unexpectedly: {end}")]
pub struct PartEnded {
    /// Which part.
    pub name: &'static str,
    /// How it ended.
    pub end: End,
}

/// How a part ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum End {
    /// It came to its end.
    #[error("it returned")]
    Returned,
    /// It found a broken invariant.
    #[error("it panicked: {message}")]
    Panicked {
        /// The invariant, in words.
        message: String,
    },
}

impl Parts {
    /// Starts a part.
    pub(crate) fn start(
        &mut self,
        name: &'static str,
        part: impl Future<Output = ()> + Send + 'static,
    ) {
        let task = self.tasks.spawn(part);
        self.names.push((task.id(), name));
    }

    /// Waits for the first part to end. Never returns if there is none.
    pub(crate) async fn ended(&mut self) -> PartEnded {
        match self.tasks.join_next_with_id().await {
            Some(Ok((id, ()))) => PartEnded {
                name: self.name(id),
                end: End::Returned,
            },
            Some(Err(error)) => PartEnded {
                name: self.name(error.id()),
                end: end(error),
            },
            None => std::future::pending().await,
        }
    }

    /// Gives the parts this long to end by themselves, then ends them.
    pub(crate) async fn finish(&mut self, grace: Duration) {
        let all = async { while self.tasks.join_next().await.is_some() {} };
        if timeout(grace, all).await.is_err() {
            tracing::warn!("parts did not end in time and were dropped");
            self.tasks.shutdown().await;
        }
    }

    fn name(&self, id: Id) -> &'static str {
        self.names
            .iter()
            .find(|(known, _)| *known == id)
            .map_or("unknown part", |(_, name)| name)
    }
}

/// Does something that waits for a disk, on a thread where it holds nobody up.
///
/// # Panics
/// If it panics.
pub(crate) async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    match tokio::task::spawn_blocking(work).await {
        Ok(outcome) => outcome,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A thread for work that waits: for a disk, or for the processor. Not a task of the runtime, which would wait for it
/// without being able to end it; whoever has the handle joins it.
pub(crate) fn thread(
    name: &str,
    work: impl FnOnce() + Send + 'static,
) -> std::io::Result<std::thread::JoinHandle<()>> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(work)
}

/// The tasks of one listener's connections. A panic ends the connection that it happened in
/// (protocol/router.md 14.4).
pub(crate) struct Connections {
    tasks: JoinSet<()>,
    counters: Arc<Counters>,
}

impl Connections {
    pub(crate) fn new(counters: Arc<Counters>) -> Self {
        Self {
            tasks: JoinSet::new(),
            counters,
        }
    }

    pub(crate) fn start(
        &mut self,
        connection: impl Future<Output = ()> + Send + 'static,
    ) -> AbortHandle {
        self.tasks.spawn(connection)
    }

    /// Takes note of the end of one connection; waits for ever while there is none.
    pub(crate) async fn reap(&mut self) {
        match self.tasks.join_next().await {
            Some(outcome) => self.note(outcome),
            None => std::future::pending().await,
        }
    }

    /// Waits for all connections to end, at most this long, then ends those that are left.
    pub(crate) async fn finish(&mut self, deadline: Duration) {
        let all = async {
            while let Some(outcome) = self.tasks.join_next().await {
                note(&self.counters, outcome);
            }
        };
        if timeout(deadline, all).await.is_err() {
            tracing::warn!(
                connections = self.tasks.len(),
                "the drain deadline has passed"
            );
            self.tasks.shutdown().await;
        }
    }

    fn note(&self, outcome: Result<(), JoinError>) {
        note(&self.counters, outcome);
    }
}

fn note(counters: &Counters, outcome: Result<(), JoinError>) {
    let Err(error) = outcome else { return };
    if let Ok(panic) = error.try_into_panic() {
        counters.count(Counted::Panicked);
        tracing::error!(
            invariant = message(&*panic),
            "a connection panicked and was ended"
        );
    }
}

fn end(error: JoinError) -> End {
    match error.try_into_panic() {
        Ok(panic) => End::Panicked {
            message: message(&*panic).to_owned(),
        },
        Err(_cancelled) => End::Returned,
    }
}

/// The text of a panic, which is a `&str` or a `String` unless somebody threw something else.
fn message(panic: &(dyn Any + Send)) -> &str {
    let text = panic.downcast_ref::<&str>().copied();
    text.or_else(|| panic.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("no text")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_part_that_ends_is_named() {
        let mut parts = Parts::default();
        parts.start("steady part", std::future::pending());
        parts.start("short part", async {});
        assert_eq!(
            parts.ended().await,
            PartEnded {
                name: "short part",
                end: End::Returned
            }
        );
        parts.start("broken part", async { panic!("{} is not two", 1) });
        let end = End::Panicked {
            message: "1 is not two".to_owned(),
        };
        assert_eq!(
            parts.ended().await,
            PartEnded {
                name: "broken part",
                end
            }
        );
        parts.finish(Duration::ZERO).await;
    }

    #[tokio::test]
    async fn a_panicking_connection_is_counted_and_the_others_go_on() {
        let counters = Arc::new(Counters::default());
        let mut connections = Connections::new(Arc::clone(&counters));
        let (go_on, told) = tokio::sync::oneshot::channel::<()>();
        connections.start(async { panic!("broken") });
        connections.start(async { told.await.unwrap() });
        connections.reap().await;
        assert_eq!(counters.read(Counted::Panicked), 1);
        go_on.send(()).unwrap();
        connections.finish(Duration::from_secs(10)).await;
        assert_eq!(counters.read(Counted::Panicked), 1);
    }

    #[tokio::test]
    async fn connections_that_do_not_end_are_ended_at_the_deadline() {
        let mut connections = Connections::new(Arc::default());
        let (dropped, seen) = tokio::sync::oneshot::channel::<()>();
        connections.start(async move {
            std::future::pending::<()>().await;
            drop(dropped);
        });
        connections.finish(Duration::from_millis(1)).await;
        assert!(seen.await.is_err());
    }
}
