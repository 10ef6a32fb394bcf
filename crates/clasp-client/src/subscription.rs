//! Subscription: a stream of updates, and the bounded queue between the driver and its reader.

use std::collections::{HashMap, VecDeque};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use clasp_proto::Signal;
use futures_core::Stream;

use crate::error::Refusal;
use crate::limits::{CACHE_ADDRESSES_MAX, SUBSCRIPTION_QUEUE_MAX};
use crate::shared::Commands;
use crate::update::Update;

/// A stream of the updates that match a pattern. Dropping it unsubscribes.
///
/// It survives reconnects. It ends when the client is closed, when reconnecting was given up, or when the router refuses the
/// subscription after a reconnect; [`Subscription::refusal`] then says why.
///
/// A reader that does not keep up finds params replaced by newer values of their address, so that the latest value always
/// arrives, and misses the oldest of the other signals; [`Subscription::superseded`] and [`Subscription::dropped`] count both.
#[derive(Debug)]
pub struct Subscription {
    pub(crate) id: u32,
    pub(crate) pattern: String,
    pub(crate) feed: Arc<Feed>,
    pub(crate) commands: Commands,
    /// Counts this subscription as open.
    pub(crate) _open: Arc<()>,
}

impl Subscription {
    /// The pattern as it was given.
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    /// The next update; `None` when the subscription has ended.
    pub async fn next(&mut self) -> Option<Update> {
        poll_fn(|context| self.poll_update(context)).await
    }

    /// The next update if there is one already.
    pub fn try_next(&mut self) -> Option<Update> {
        self.feed.queue().pop()
    }

    /// Polls for the next update, for tasks that read many subscriptions. The same as `Stream::poll_next`, without pinning.
    pub fn poll_update(&mut self, context: &mut Context<'_>) -> Poll<Option<Update>> {
        self.feed.poll(context)
    }

    /// How many param updates gave way to a newer one of their address because the reader was slow.
    pub fn superseded(&self) -> u64 {
        self.feed.queue().superseded
    }

    /// How many other updates were lost because the reader was slow.
    pub fn dropped(&self) -> u64 {
        self.feed.queue().dropped
    }

    /// Why the router refused to take the subscription up again.
    pub fn refusal(&self) -> Option<Refusal> {
        self.feed.queue().refusal.clone()
    }
}

impl Stream for Subscription {
    type Item = Update;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Update>> {
        self.feed.poll(context)
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.feed.queue().abandoned = true;
        self.commands.unsubscribe(self.id);
    }
}

/// What the driver and the reader of one subscription share.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    queue: Mutex<Queue>,
}

impl Feed {
    /// Queues an update for the reader. False when there is no reader any more.
    pub(crate) fn push(&self, update: Update) -> bool {
        let mut queue = self.queue();
        if queue.abandoned {
            return false;
        }
        queue.push(update);
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Ends the stream after what is queued.
    pub(crate) fn end(&self, refusal: Option<Refusal>) {
        let mut queue = self.queue();
        queue.ended = true;
        queue.refusal = refusal;
        let waker = queue.waker.take();
        drop(queue);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    fn poll(&self, context: &mut Context<'_>) -> Poll<Option<Update>> {
        let mut queue = self.queue();
        match queue.pop() {
            Some(update) => Poll::Ready(Some(update)),
            None if queue.ended => Poll::Ready(None),
            None => {
                queue.waker = Some(context.waker().clone());
                Poll::Pending
            }
        }
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        // Every change of the queue is complete before anything can panic.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Updates in order; numbers count every update ever queued, so that a number finds its place after others have left.
#[derive(Debug, Default)]
struct Queue {
    /// `None` where a dropped update was.
    updates: VecDeque<Option<Update>>,
    /// How many of `updates` are `None`.
    holes: usize,
    /// Number of the first of `updates`.
    first: u64,
    /// Number of the newest queued update of each param.
    params: HashMap<String, u64>,
    /// Numbers of the queued updates that are not params.
    others: VecDeque<u64>,
    superseded: u64,
    dropped: u64,
    waker: Option<Waker>,
    ended: bool,
    abandoned: bool,
    refusal: Option<Refusal>,
}

impl Queue {
    fn push(&mut self, update: Update) {
        if update.signal == Signal::Param {
            if self.updates.len() >= SUBSCRIPTION_QUEUE_MAX && self.supersede(&update) {
                return;
            }
            if self.params.len() >= CACHE_ADDRESSES_MAX {
                self.dropped += 1;
                return;
            }
            self.params.insert(update.address.clone(), self.next());
        } else {
            if self.others.len() >= SUBSCRIPTION_QUEUE_MAX {
                self.drop_oldest();
            }
            self.others.push_back(self.next());
        }
        self.updates.push_back(Some(update));
    }

    /// The number of the update queued next.
    fn next(&self) -> u64 {
        self.first + self.updates.len() as u64
    }

    fn pop(&mut self) -> Option<Update> {
        while let Some(update) = self.updates.pop_front() {
            let number = self.first;
            self.first += 1;
            let Some(update) = update else {
                self.holes -= 1;
                continue;
            };
            if update.signal != Signal::Param {
                self.others.pop_front();
            } else if self.params.get(&update.address) == Some(&number) {
                self.params.remove(&update.address);
            }
            return Some(update);
        }
        None
    }

    /// Puts a newer value of a param in the place of the queued one.
    fn supersede(&mut self, update: &Update) -> bool {
        let place = self.params.get(&update.address);
        let place = place.and_then(|number| self.updates.get_mut((number - self.first) as usize));
        match place {
            Some(older) => {
                *older = Some(update.clone());
                self.superseded += 1;
                true
            }
            None => false,
        }
    }

    fn drop_oldest(&mut self) {
        if let Some(number) = self.others.pop_front() {
            self.updates[(number - self.first) as usize] = None;
            self.holes += 1;
            self.dropped += 1;
        }
        if self.holes > SUBSCRIPTION_QUEUE_MAX {
            self.compact();
        }
    }

    /// Closes the holes and numbers what is left anew: an unread param in front must not keep them.
    fn compact(&mut self) {
        let kept = std::mem::take(&mut self.updates).into_iter().flatten();
        self.updates = kept.map(Some).collect();
        self.holes = 0;
        self.first = 0;
        self.params.clear();
        self.others.clear();
        for (number, update) in (0..).zip(self.updates.iter().flatten()) {
            if update.signal == Signal::Param {
                self.params.insert(update.address.clone(), number);
            } else {
                self.others.push_back(number);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use clasp_proto::Value;

    use super::*;

    fn update(signal: Signal, address: &str, value: i64) -> Update {
        Update {
            address: address.to_owned(),
            value: Value::Int(value),
            signal,
            revision: None,
            writer: None,
            timestamp: None,
            phase: None,
            gesture: None,
            from_snapshot: false,
        }
    }

    /// Queues updates as (signal, address, value) and reads all of them.
    fn read(
        updates: impl IntoIterator<Item = (Signal, String, i64)>,
    ) -> (Vec<(String, i64)>, Queue) {
        let mut queue = Queue::default();
        for (signal, address, value) in updates {
            queue.push(update(signal, &address, value));
        }
        let mut read = Vec::new();
        while let Some(update) = queue.pop() {
            let Value::Int(value) = update.value else {
                panic!("only ints are queued")
            };
            read.push((update.address, value));
        }
        (read, queue)
    }

    #[test]
    fn within_the_bound_everything_arrives_in_order() {
        let max = SUBSCRIPTION_QUEUE_MAX as i64;
        let (read, queue) = read((0..max).map(|value| (Signal::Param, "/a".to_owned(), value)));
        assert_eq!(read.len(), SUBSCRIPTION_QUEUE_MAX);
        assert!(read.is_sorted());
        assert_eq!((queue.superseded, queue.dropped), (0, 0));
        assert!(queue.params.is_empty());
    }

    #[test]
    fn beyond_it_the_latest_value_of_a_param_replaces_its_last() {
        let max = SUBSCRIPTION_QUEUE_MAX as i64;
        let (read, queue) =
            read((0..max + 10).map(|value| (Signal::Param, "/a".to_owned(), value)));
        assert_eq!(read.last(), Some(&("/a".to_owned(), max + 9)));
        assert_eq!((queue.superseded, queue.dropped), (10, 0));
    }

    #[test]
    fn params_of_different_addresses_all_arrive() {
        let count = 3 * SUBSCRIPTION_QUEUE_MAX;
        let (read, queue) =
            read((0..count).map(|index| (Signal::Param, format!("/a/{index}"), index as i64)));
        assert_eq!(read.len(), count);
        assert_eq!((queue.superseded, queue.dropped), (0, 0));
    }

    proptest::proptest! {
        /// Pushes (Some: is it a param, address) and pops (None) in any order.
        #[test]
        fn nothing_is_lost_silently(steps in steps()) {
            let mut queue = Queue::default();
            let mut read = Vec::new();
            let mut pushed = Vec::new();
            for (value, step) in (0..).zip(steps) {
                match step {
                    Some((is_param, address)) => {
                        let signal = if is_param { Signal::Param } else { Signal::Event };
                        let update = update(signal, &address.to_string(), value);
                        pushed.push(update.clone());
                        queue.push(update);
                    }
                    None => read.extend(queue.pop()),
                }
            }
            read.extend(std::iter::from_fn(|| queue.pop()));
            let gone = queue.superseded + queue.dropped;
            proptest::prop_assert_eq!(pushed.len() as u64, read.len() as u64 + gone);
            for address in 0..ADDRESSES {
                for signal in [Signal::Param, Signal::Event] {
                    let of = |updates: &[Update]| -> Vec<Option<i64>> {
                        let address = address.to_string();
                        let of = updates.iter().filter(|update| update.signal == signal && update.address == address);
                        of.map(|update| update.value.as_i64()).collect()
                    };
                    let (pushed, read) = (of(&pushed), of(&read));
                    proptest::prop_assert!(read.is_sorted());
                    if signal == Signal::Param {
                        proptest::prop_assert_eq!(pushed.last(), read.last());
                    }
                }
            }
        }
    }

    /// Long runs of pushes, so that the bounds are met, with pops between them.
    fn steps() -> impl proptest::strategy::Strategy<Value = Vec<Option<(bool, u8)>>> {
        use proptest::prelude::*;
        let run = (any::<bool>(), 0..ADDRESSES, 1_usize..1500, 0_usize..1500);
        let steps = run.prop_map(|(is_param, address, pushes, pops)| {
            let mut steps = vec![Some((is_param, address)); pushes];
            steps.resize(pushes + pops, None);
            steps
        });
        proptest::collection::vec(steps, 1..12).prop_map(|runs| runs.concat())
    }

    const ADDRESSES: u8 = 3;

    #[test]
    fn the_oldest_events_give_way_and_are_counted() {
        let max = SUBSCRIPTION_QUEUE_MAX as i64;
        // The last count leaves enough holes behind the unread param to be closed several times.
        for surplus in [0, 5, max + 1, 5 * max] {
            let first = [(Signal::Param, "/p".to_owned(), -1)];
            let events = (0..max + surplus).map(|value| (Signal::Event, "/e".to_owned(), value));
            let (read, queue) = read(first.into_iter().chain(events));
            assert_eq!(read[0], ("/p".to_owned(), -1));
            assert_eq!(read[1], ("/e".to_owned(), surplus));
            assert_eq!(read.len(), SUBSCRIPTION_QUEUE_MAX + 1);
            assert_eq!((queue.superseded, queue.dropped), (0, surplus as u64));
            assert!(queue.others.is_empty() && queue.params.is_empty() && queue.holes == 0);
        }
    }
}
