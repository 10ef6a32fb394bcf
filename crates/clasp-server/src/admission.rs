//! Admission: who may connect. Counts connections by address, and keeps those that have not been
//! welcomed from taking the place of everybody else (protocol/limits.md 4.1).

mod queue;

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::timeout_at;

pub(crate) use self::queue::Queued;
use self::queue::{Queue, Standing};
use crate::allowance::Source;
use crate::limits::{PENDING_GRACE, PENDING_GRACE_OWN};

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// From one address; 0 is any number.
    pub(crate) connections_per_ip_max: usize,
    /// Not yet welcomed, altogether.
    pub(crate) pending_max: usize,
    /// Not yet welcomed, from one address.
    pub(crate) pending_per_ip_max: usize,
    /// Accepted, and without a place.
    pub(crate) queued_max: usize,
}

/// The table of connections.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    caps: Caps,
    table: Arc<Mutex<Table>>,
    queue: Queue,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    /// By number, and so by age. Never more than `pending_max`, so that going through them is cheap.
    pending: BTreeMap<u64, Waiting>,
    connections: HashMap<Source, usize>,
}

#[derive(Debug)]
struct Waiting {
    source: Source,
    /// When it came, or last came a step further.
    since: Instant,
    /// Told when it has to make room.
    end: Arc<Notify>,
}

/// What a connection holds that has been accepted.
#[derive(Debug)]
pub(crate) struct Arrived {
    /// To be held as long as the connection lasts.
    pub(crate) connected: Connected,
    /// To be held until it has a place.
    pub(crate) queued: Queued,
}

/// What an admitted connection holds.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// To be held until the WELCOME.
    pub(crate) pending: Pending,
    /// True if another connection had to go.
    pub(crate) displaced: bool,
}

/// Counts a connection until it is dropped.
#[derive(Debug)]
pub(crate) struct Connected {
    source: Source,
    admission: Admission,
}

/// The place of a connection that has not been welcomed; dropping it means that it has been, or is gone.
#[derive(Debug)]
pub(crate) struct Pending {
    number: u64,
    end: Arc<Notify>,
    admission: Admission,
}

impl Admission {
    pub(crate) fn new(caps: Caps) -> Self {
        Self {
            caps,
            table: Arc::default(),
            queue: Queue::new(caps.queued_max),
        }
    }

    /// Takes a connection in that has been accepted, or nothing if its address has too many.
    /// It does not wait, and it gives no place yet.
    pub(crate) fn arrive(&self, ip: IpAddr) -> Option<Arrived> {
        let source = Source::from(ip);
        let connections_max = self.caps.connections_per_ip_max;
        let mut table = self.table.lock();
        let count = table.connections.entry(source).or_default();
        if connections_max != 0 && *count >= connections_max {
            return None;
        }
        *count += 1;
        drop(table);
        Some(Arrived {
            connected: Connected {
                source,
                admission: self.clone(),
            },
            queued: self.queue.arrive(),
        })
    }

    /// Gives a connection that has something to say a place. Waits while all places are taken by who has not had
    /// its time yet; nothing if it has to make room for others meanwhile.
    pub(crate) async fn admit(&self, ip: IpAddr, queued: Queued) -> Option<Admitted> {
        queued.speaks();
        loop {
            match queued.standing() {
                Standing::Out => return None,
                Standing::Behind => queued.woken().await,
                Standing::First => match self.try_admit(ip, Instant::now()) {
                    Ok(admitted) => return Some(admitted),
                    // Whichever comes first; what came of it is found out above.
                    Err(until) => drop(timeout_at(until.into(), queued.woken()).await),
                },
            }
        }
    }

    /// At a pending cap another connection that is still waiting makes room. So those who never greet
    /// displace each other, and somebody who greets at once gets through a flood of them.
    /// Without a place it tells when to look again.
    fn try_admit(&self, ip: IpAddr, now: Instant) -> Result<Admitted, Instant> {
        let source = Source::from(ip);
        let mut table = self.table.lock();
        let overdue = table.overdue(source, &self.caps, now);
        if let Some(number) = overdue {
            table.displace(number);
        }
        let is_full = table.pending.len() >= self.caps.pending_max;
        if is_full {
            let number = table.crowding(source, now)?;
            table.displace(number);
        }
        let (number, end) = table.enter(source, now);
        drop(table);
        Ok(Admitted {
            pending: Pending {
                number,
                end,
                admission: self.clone(),
            },
            displaced: overdue.is_some() || is_full,
        })
    }

    /// True if an address that may be made up would take something from somebody: more than half of the places of
    /// those that have not been welcomed are taken, or connections of an address are counted.
    pub(crate) fn wants_proof(&self) -> bool {
        self.caps.connections_per_ip_max != 0
            || self.table.lock().pending.len() > self.caps.pending_max / 2
    }

    /// Gives nobody a place any more.
    pub(crate) fn close(&self) {
        self.queue.clear();
    }

    /// Ends every connection that has not been welcomed.
    pub(crate) fn dismiss(&self) {
        let waiting = std::mem::take(&mut self.table.lock().pending);
        waiting
            .into_values()
            .for_each(|waiting| waiting.end.notify_one());
    }
}

impl Table {
    fn enter(&mut self, source: Source, now: Instant) -> (u64, Arc<Notify>) {
        self.last += 1;
        let end = Arc::new(Notify::new());
        let waiting = Waiting {
            source,
            since: now,
            end: Arc::clone(&end),
        };
        self.pending.insert(self.last, waiting);
        (self.last, end)
    }

    /// At the cap of an address: the one of it that waits for longest, if that has had its time.
    fn overdue(&self, source: Source, caps: &Caps, now: Instant) -> Option<u64> {
        let own = self
            .pending
            .iter()
            .filter(|(_, waiting)| waiting.source == source);
        let (number, oldest) = own.clone().min_by_key(|(_, waiting)| waiting.since)?;
        let is_overdue = oldest.has_waited(PENDING_GRACE_OWN, now);
        (own.count() >= caps.pending_per_ip_max && is_overdue).then_some(*number)
    }

    /// At the cap of the server: the oldest connection of the address that has most of them waiting, if that has more
    /// than the new one's; else the one that is overdue for longest. If none is, when the first will be.
    fn crowding(&self, source: Source, now: Instant) -> Result<u64, Instant> {
        let mut crowds: HashMap<Source, (usize, u64)> = HashMap::new();
        for (number, waiting) in &self.pending {
            crowds.entry(waiting.source).or_insert((0, *number)).0 += 1;
        }
        let own = crowds.get(&source).map_or(0, |(count, _)| *count);
        let (count, number) = crowds.into_values().max().ok_or(now)?;
        if count > own + 1 {
            return Ok(number);
        }
        let waits = |waiting: &Waiting| match waiting.source == source {
            true => waiting.since + PENDING_GRACE_OWN,
            false => waiting.since + PENDING_GRACE,
        };
        let overdue = self
            .pending
            .iter()
            .map(|(number, waiting)| (waits(waiting), *number));
        match overdue.min().ok_or(now)? {
            (at, number) if at <= now => Ok(number),
            (at, _) => Err(at),
        }
    }

    fn displace(&mut self, number: u64) {
        if let Some(displaced) = self.pending.remove(&number) {
            displaced.end.notify_one();
        }
    }
}

impl Waiting {
    fn has_waited(&self, grace: Duration, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= grace
    }
}

impl Pending {
    /// Notes that the connection has come a step further: it gets its time anew.
    pub(crate) fn progressed(&self) {
        let mut table = self.admission.table.lock();
        if let Some(waiting) = table.pending.get_mut(&self.number) {
            waiting.since = Instant::now();
        }
    }

    /// Waits until the connection has to make room for another one, or the server for none.
    pub(crate) fn displaced(&self) -> impl Future<Output = ()> + use<> {
        let end = Arc::clone(&self.end);
        async move { end.notified().await }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.admission.table.lock().pending.remove(&self.number);
        self.admission.queue.wake_first();
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut table = self.admission.table.lock();
        if let Some(count) = table.connections.get_mut(&self.source) {
            *count -= 1;
            if *count == 0 {
                table.connections.remove(&self.source);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn admission(connections_per_ip_max: usize) -> Admission {
        Admission::new(Caps {
            connections_per_ip_max,
            pending_max: 4,
            pending_per_ip_max: 2,
            queued_max: 100,
        })
    }

    /// A place that must be there.
    fn enter(admission: &Admission, last: u8, now: Instant) -> Admitted {
        admission.try_admit(ip(last), now).expect("a place")
    }

    /// There is no place; when to look again.
    fn crowded(admission: &Admission, last: u8, now: Instant) -> Instant {
        admission.try_admit(ip(last), now).expect_err("no place")
    }

    fn waiting(admission: &Admission) -> Vec<u64> {
        admission.table.lock().pending.keys().copied().collect()
    }

    #[test]
    fn an_address_has_its_number_of_connections() {
        let admission = admission(2);
        let first = admission.arrive(ip(1)).unwrap();
        let _second = admission.arrive(ip(1)).unwrap();
        assert!(admission.arrive(ip(1)).is_none());
        let mapped = std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped();
        assert!(admission.arrive(mapped.into()).is_none());
        let _other = admission.arrive(ip(2)).unwrap();
        drop(first);
        let _again = admission.arrive(ip(1)).unwrap();
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let admission = admission(1);
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        let _first = admission.arrive(ip("2001:db8::1")).unwrap();
        assert!(admission.arrive(ip("2001:db8::2")).is_none());
        assert!(admission.arrive(ip("2001:db8:0:1::1")).is_some());
    }

    #[test]
    fn an_address_at_its_cap_displaces_its_own_overdue_ones() {
        let (admission, start) = (admission(0), Instant::now());
        let held: Vec<_> = (0..3).map(|_| enter(&admission, 1, start)).collect();
        assert!(
            held.iter().all(|admitted| !admitted.displaced),
            "a burst is no attack"
        );
        let later = enter(&admission, 1, start + PENDING_GRACE_OWN);
        assert!(later.displaced);
        assert_eq!(waiting(&admission), [2, 3, 4]);
    }

    #[test]
    fn a_full_server_makes_room_at_the_cost_of_the_largest_crowd() {
        let (admission, start) = (admission(0), Instant::now());
        let _held: Vec<_> = [1, 2, 2, 3]
            .map(|last| enter(&admission, last, start))
            .into();
        let fourth = enter(&admission, 4, start);
        assert!(fourth.displaced);
        assert_eq!(waiting(&admission), [1, 3, 4, 5]);
        let early = start + Duration::from_millis(1);
        assert_eq!(crowded(&admission, 5, early), start + PENDING_GRACE);
        assert!(enter(&admission, 5, start + PENDING_GRACE).displaced);
    }

    #[test]
    fn a_crowd_displaces_its_own_only_after_long() {
        let (admission, start) = (admission(0), Instant::now());
        let held: Vec<_> = (0..4).map(|_| enter(&admission, 1, start)).collect();
        let until = crowded(&admission, 1, start + PENDING_GRACE);
        assert_eq!(until, start + PENDING_GRACE_OWN);
        assert!(enter(&admission, 2, start).displaced, "another one does");
        drop(held);
        assert!(!enter(&admission, 1, start).displaced);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_is_served_when_a_place_is_free() {
        let admission = admission(0);
        let arrive = || admission.arrive(ip(1)).unwrap().queued;
        let mut held = Vec::new();
        for _ in 0..4 {
            held.push(admission.admit(ip(1), arrive()).await);
        }
        let begun = tokio::time::Instant::now();
        let waits = admission.admit(ip(1), arrive());
        let leaves = async { drop(held.pop()) };
        let (admitted, ()) = tokio::join!(waits, leaves);
        assert!(admitted.is_some_and(|admitted| !admitted.displaced));
        assert_eq!(begun.elapsed(), Duration::ZERO);
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_to_make_room_is_told() {
        let (admission, start) = (admission(0), Instant::now());
        let held: Vec<_> = (0..4).map(|_| enter(&admission, 1, start)).collect();
        let ends: Vec<_> = held.iter().map(|held| held.pending.displaced()).collect();
        let _other = enter(&admission, 2, start);
        admission.dismiss();
        for end in ends {
            timeout_at(tokio::time::Instant::now(), end).await.unwrap();
        }
    }

    #[test]
    fn a_step_further_gives_its_time_anew() {
        let (admission, start) = (admission(0), Instant::now() - PENDING_GRACE_OWN);
        let held: Vec<_> = (0..4).map(|_| enter(&admission, 1, start)).collect();
        for admitted in &held {
            admitted.pending.progressed();
        }
        assert!(crowded(&admission, 1, Instant::now()) > Instant::now());
    }

    #[test]
    fn a_welcomed_connection_is_no_longer_pending() {
        let admission = admission(1);
        let Admitted { pending, .. } = enter(&admission, 1, Instant::now());
        assert_eq!(waiting(&admission), [1]);
        drop(pending);
        assert!(waiting(&admission).is_empty());
    }
}
