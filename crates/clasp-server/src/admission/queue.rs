//! Queue: connections that have been accepted and have no place yet. Who said something is let in before who did not,
//! and who came last before who came first: in a crowd that only takes places, somebody who means it is in at once,
//! and in an honest crowd it makes no difference to the last one served.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The list of those that wait.
#[derive(Debug, Clone)]
pub(super) struct Queue {
    max: usize,
    waiting: Arc<Mutex<Waiting>>,
}

/// By number, and so by age; each with what wakes it.
#[derive(Debug, Default)]
struct Waiting {
    last: u64,
    silent: BTreeMap<u64, Arc<Notify>>,
    speaking: BTreeMap<u64, Arc<Notify>>,
}

/// A connection in the queue; dropping it means that it is in, or gone.
#[derive(Debug)]
pub(crate) struct Queued {
    number: u64,
    wake: Arc<Notify>,
    queue: Queue,
}

/// How a connection stands in the queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the next one.
    First,
    /// Others are.
    Behind,
    /// It had to make room for others.
    Out,
}

impl Queue {
    /// Room for so many.
    pub(super) fn new(max: usize) -> Self {
        Self {
            max,
            waiting: Arc::default(),
        }
    }

    /// Takes a connection in. If there are too many, the oldest of those that say nothing has to go, or the oldest.
    pub(super) fn arrive(&self) -> Queued {
        let mut waiting = self.waiting.lock();
        waiting.last += 1;
        let (number, wake) = (waiting.last, Arc::new(Notify::new()));
        waiting.silent.insert(number, Arc::clone(&wake));
        if waiting.silent.len() + waiting.speaking.len() > self.max {
            // The new one is among the silent, and is to have its chance.
            let has_others = waiting.silent.len() > 1;
            let oldest = match has_others {
                true => waiting.silent.pop_first(),
                false => waiting.speaking.pop_first(),
            };
            if let Some((_, oldest)) = oldest {
                oldest.notify_one();
            }
        }
        drop(waiting);
        Queued {
            number,
            wake,
            queue: self.clone(),
        }
    }

    /// Lets everybody go who is in it.
    pub(super) fn clear(&self) {
        let mut waiting = self.waiting.lock();
        let silent = std::mem::take(&mut waiting.silent);
        let speaking = std::mem::take(&mut waiting.speaking);
        let wakes = silent.into_values().chain(speaking.into_values());
        wakes.for_each(|wake| wake.notify_one());
    }

    /// Tells the next one that there may be a place.
    pub(super) fn wake_first(&self) {
        if let Some((_, first)) = self.waiting.lock().speaking.last_key_value() {
            first.notify_one();
        }
    }
}

impl Queued {
    /// Says that the peer has said something.
    pub(crate) fn speaks(&self) {
        let mut waiting = self.queue.waiting.lock();
        if let Some(wake) = waiting.silent.remove(&self.number) {
            waiting.speaking.insert(self.number, wake);
        }
    }

    /// Waits until it has to make room for others; to be asked of those that say nothing.
    pub(crate) async fn displaced(&self) {
        while self.standing() != Standing::Out {
            self.wake.notified().await;
        }
    }

    pub(super) fn standing(&self) -> Standing {
        let waiting = self.queue.waiting.lock();
        match waiting.speaking.last_key_value() {
            Some((first, _)) if *first == self.number => Standing::First,
            _ if waiting.silent.contains_key(&self.number)
                || waiting.speaking.contains_key(&self.number) =>
            {
                Standing::Behind
            }
            _ => Standing::Out,
        }
    }

    /// Waits until it may stand otherwise, or there may be a place.
    pub(super) async fn woken(&self) {
        self.wake.notified().await;
    }
}

impl Drop for Queued {
    fn drop(&mut self) {
        let mut waiting = self.queue.waiting.lock();
        waiting.silent.remove(&self.number);
        waiting.speaking.remove(&self.number);
        drop(waiting);
        self.queue.wake_first();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_that_speaks_is_the_first() {
        let queue = Queue::new(10);
        let queued: Vec<_> = (0..3).map(|_| queue.arrive()).collect();
        let standings = || queued.iter().map(Queued::standing).collect::<Vec<_>>();
        assert_eq!(standings(), [Standing::Behind; 3]);
        queued[0].speaks();
        assert_eq!(standings()[0], Standing::First);
        queued[1].speaks();
        assert_eq!(
            standings(),
            [Standing::Behind, Standing::First, Standing::Behind]
        );
    }

    #[tokio::test]
    async fn who_says_nothing_for_longest_makes_room() {
        let queue = Queue::new(2);
        let (first, second) = (queue.arrive(), queue.arrive());
        first.speaks();
        let third = queue.arrive();
        assert_eq!(second.standing(), Standing::Out);
        second.displaced().await;
        let fourth = queue.arrive();
        assert_eq!(third.standing(), Standing::Out);
        fourth.speaks();
        assert_eq!(
            (first.standing(), fourth.standing()),
            (Standing::Behind, Standing::First)
        );
        drop(fourth);
        first.woken().await;
        assert_eq!(first.standing(), Standing::First);
    }

    #[test]
    fn a_queue_of_those_that_speak_gives_up_its_oldest() {
        let queue = Queue::new(2);
        let (first, second) = (queue.arrive(), queue.arrive());
        first.speaks();
        second.speaks();
        let third = queue.arrive();
        assert_eq!(first.standing(), Standing::Out);
        assert_eq!(second.standing(), Standing::First);
        assert_eq!(third.standing(), Standing::Behind);
    }
}
