//! Workers: threads that each own something that takes its time, and one bounded queue of work for all of them.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::{self, JoinHandle};

use parking_lot::Mutex;
use thiserror::Error;
use tokio::sync::oneshot;

use crate::supervisor;

/// Threads that work on an `S` each. Dropping them waits for what they are at, and for nothing that still waits itself.
#[derive(Debug)]
pub(crate) struct Workers<S> {
    /// Nothing once they are to end.
    queue: Mutex<Option<SyncSender<Work<S>>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    is_ending: Arc<AtomicBool>,
}

type Work<S> = Box<dyn FnOnce(&mut S) + Send>;

/// More waits than can be done soon, or they have ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the server has too much to do; try again")]
pub(crate) struct Busy;

impl<S: Send + 'static> Workers<S> {
    /// One thread for each of `owned`.
    pub(crate) fn start(name: &str, owned: Vec<S>, queued_max: usize) -> io::Result<Self> {
        Self::start_each(name, owned, queued_max, || {})
    }

    /// The same with threads that let others go first: messages do not wait for what they do.
    pub(crate) fn start_behind(name: &str, owned: Vec<S>, queued_max: usize) -> io::Result<Self> {
        Self::start_each(name, owned, queued_max, give_way)
    }

    fn start_each(name: &str, owned: Vec<S>, queued_max: usize, begin: fn()) -> io::Result<Self> {
        let (queue, waiting) = sync_channel(queued_max);
        let waiting = Arc::new(Mutex::new(waiting));
        let workers = Self {
            queue: Mutex::new(Some(queue)),
            threads: Mutex::default(),
            is_ending: Arc::default(),
        };
        for own in owned {
            let waiting = Arc::clone(&waiting);
            let is_ending = Arc::clone(&workers.is_ending);
            let thread = supervisor::thread(name, move || {
                begin();
                work(own, &waiting, &is_ending);
            })?;
            workers.threads.lock().push(thread);
        }
        Ok(workers)
    }

    /// Has something done, without waiting for a place in the queue. Work for somebody who is gone is left out.
    ///
    /// # Errors
    /// The queue is full, or the work ended in a panic.
    pub(crate) async fn ask<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (tell, told) = oneshot::channel();
        self.post(move |own| {
            if !tell.is_closed() {
                tell.send(work(own)).ok();
            }
        })?;
        told.await.map_err(|_| Busy)
    }

    /// The same, of work that is done also if nobody is there any more to hear of it.
    ///
    /// # Errors
    /// The queue is full, or the work ended in a panic.
    pub(crate) async fn carry_out<T: Send + 'static>(
        &self,
        work: impl FnOnce(&mut S) -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let (tell, told) = oneshot::channel();
        self.post(move |own| {
            tell.send(work(own)).ok();
        })?;
        told.await.map_err(|_| Busy)
    }

    /// Has something done, and does not wait for it.
    ///
    /// # Errors
    /// The queue is full.
    pub(crate) fn post(&self, work: impl FnOnce(&mut S) + Send + 'static) -> Result<(), Busy> {
        let queue = self.queue.lock().clone();
        let queue = queue.ok_or(Busy)?;
        queue.try_send(Box::new(work)).map_err(|_| Busy)
    }
}

impl<S> Workers<S> {
    /// Ends the threads, and with them what they own.
    pub(crate) fn end(&self) {
        self.is_ending.store(true, Ordering::Release);
        drop(self.queue.lock().take());
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // Work may have been the last that held us.
            if thread.thread().id() != thread::current().id() {
                thread.join().ok();
            }
        }
    }
}

impl<S> Drop for Workers<S> {
    fn drop(&mut self) {
        self.end();
    }
}

fn give_way() {
    if let Err(error) = rustix::process::nice(NICENESS) {
        tracing::warn!(%error, "cannot lower the priority of a thread: messages may wait for it");
    }
}

/// A tenth of a processor where messages take all of it, and all of it where they do not.
const NICENESS: i32 = 10;

fn work<S>(mut own: S, waiting: &Mutex<Receiver<Work<S>>>, is_ending: &AtomicBool) {
    loop {
        let next = waiting.lock().recv();
        let Ok(work) = next else { break };
        if is_ending.load(Ordering::Acquire) {
            break;
        }
        // A panic ends the request that it happened in. What is owned is a database, which rolls back, or nothing.
        if catch_unwind(AssertUnwindSafe(|| work(&mut own))).is_err() {
            tracing::error!("a panic ended a request");
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::task::{Context, Poll, Waker};

    use super::*;

    #[tokio::test]
    async fn work_is_done_in_turn_and_a_full_queue_is_told_at_once() {
        let workers = Workers::start("test", vec![0_u32], 1).unwrap();
        assert_eq!(workers.ask(|own| std::mem::replace(own, 7)).await, Ok(0));
        assert_eq!(workers.ask(|own| *own).await, Ok(7));
        let (started, has_started) = oneshot::channel();
        let (go, may_go) = std::sync::mpsc::channel::<()>();
        let long = workers.ask(move |_| {
            started.send(()).unwrap();
            may_go.recv().unwrap();
        });
        let others = async {
            has_started.await.unwrap();
            let waiting = workers.ask(|own| *own);
            let too_many = async {
                let busy = workers.ask(|own| *own).await;
                go.send(()).unwrap();
                busy
            };
            tokio::join!(waiting, too_many)
        };
        let (long, (waiting, too_many)) = tokio::join!(long, others);
        assert_eq!((long, waiting, too_many), (Ok(()), Ok(7), Err(Busy)));
    }

    /// Polls once, and gives up.
    fn begin<T>(future: impl Future<Output = T>) -> Poll<T> {
        let mut context = Context::from_waker(Waker::noop());
        pin!(future).poll(&mut context)
    }

    /// Whoever asked for it has gone before its turn.
    #[tokio::test]
    async fn what_is_to_be_carried_out_is_and_what_was_asked_is_left_out() {
        let workers = Workers::start("test", vec![Vec::new()], 8).unwrap();
        let (go, may_go) = std::sync::mpsc::channel::<()>();
        workers.post(move |_| may_go.recv().unwrap()).unwrap();
        for index in 0..2 {
            let asked = workers.ask(move |own| own.push(("asked", index)));
            let ordered = workers.carry_out(move |own| own.push(("ordered", index)));
            // Both are in the queue, and given up.
            assert!(begin(asked).is_pending() && begin(ordered).is_pending());
        }
        go.send(()).unwrap();
        let done = workers.carry_out(|own| own.clone()).await;
        assert_eq!(done, Ok(vec![("ordered", 0), ("ordered", 1)]));
    }

    #[tokio::test]
    async fn a_panic_ends_what_it_happened_in() {
        let workers = Workers::start("test", vec![1_u32], 4).unwrap();
        let panicked = workers.ask(|_| panic!("on purpose")).await;
        assert_eq!(panicked, Err::<(), _>(Busy));
        assert_eq!(workers.ask(|own| *own).await, Ok(1));
        workers.end();
        assert_eq!(workers.ask(|own| *own).await, Err(Busy));
    }

    /// Tells of its end.
    struct Owned(Arc<AtomicBool>);

    impl Drop for Owned {
        fn drop(&mut self) {
            self.0.store(true, Ordering::Release);
        }
    }

    #[tokio::test]
    async fn what_is_owned_is_given_up_before_the_end_returns() {
        let is_gone = Arc::new(AtomicBool::new(false));
        let workers = Workers::start("test", vec![Owned(Arc::clone(&is_gone))], 1).unwrap();
        let workers = Arc::new(workers);
        let last = Arc::clone(&workers);
        // Work that outlives everybody else who has the workers does not wait for itself.
        assert_eq!(workers.ask(move |_| drop(last)).await, Ok(()));
        drop(workers);
        assert!(is_gone.load(Ordering::Acquire));
    }
}
