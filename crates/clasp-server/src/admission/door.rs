//! Door: connections that have been accepted and have no place yet. Who said something is let in before who did not,
//! and who came last before who came first: in a crowd that only takes places, somebody who means it is in at once,
//! and in an honest crowd it makes no difference to the last one served.

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::Notify;

/// The place in front of a server.
#[derive(Debug, Clone)]
pub(super) struct Door {
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

/// A connection in front of the door; dropping it means that it is in, or gone.
#[derive(Debug)]
pub(crate) struct Queued {
    number: u64,
    wake: Arc<Notify>,
    door: Door,
}

/// How a connection stands in front of the door.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// It is the next one.
    First,
    /// Others are.
    Behind,
    /// It had to make room for others.
    Out,
}

impl Door {
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
            let oldest = waiting.silent.pop_first();
            // It is silent itself, so that there is one.
            let (_, oldest) = oldest.expect("the new one is among the silent");
            oldest.notify_one();
        }
        drop(waiting);
        Queued {
            number,
            wake,
            door: self.clone(),
        }
    }

    /// Tells the next one that there may be a place.
    pub(super) fn knock(&self) {
        if let Some((_, first)) = self.waiting.lock().speaking.last_key_value() {
            first.notify_one();
        }
    }
}

impl Queued {
    /// Says that the peer has said something.
    pub(crate) fn speaks(&self) {
        let mut waiting = self.door.waiting.lock();
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
        let waiting = self.door.waiting.lock();
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
        let mut waiting = self.door.waiting.lock();
        waiting.silent.remove(&self.number);
        waiting.speaking.remove(&self.number);
        drop(waiting);
        self.door.knock();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_one_that_speaks_is_the_first() {
        let door = Door::new(10);
        let queued: Vec<_> = (0..3).map(|_| door.arrive()).collect();
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
        let door = Door::new(2);
        let (first, second) = (door.arrive(), door.arrive());
        first.speaks();
        let third = door.arrive();
        assert_eq!(second.standing(), Standing::Out);
        second.displaced().await;
        let fourth = door.arrive();
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
}
