//! Admission: who may connect. Counts connections by address, and keeps those that have not been
//! welcomed from taking the place of everybody else (protocol/limits.md 4.1).

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use tokio::task::AbortHandle;

use crate::limits::PENDING_GRACE;
use crate::plan::Protocol;

/// How many connections there may be.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Caps {
    /// From one address; 0 is any number.
    pub(crate) connections_per_ip_max: usize,
    /// Not yet welcomed, altogether.
    pub(crate) pending_max: usize,
    /// Not yet welcomed, from one address.
    pub(crate) pending_per_ip_max: usize,
}

/// The table of connections.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    caps: Caps,
    table: Arc<Mutex<Table>>,
}

#[derive(Debug, Default)]
struct Table {
    last: u64,
    /// By number, and so by age. Never more than `pending_max`, so that going through them is cheap.
    pending: BTreeMap<u64, Waiting>,
    connections: HashMap<IpAddr, usize>,
}

#[derive(Debug)]
struct Waiting {
    ip: IpAddr,
    since: Instant,
    task: Option<AbortHandle>,
}

/// What an admitted connection holds.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// To be held as long as the connection lasts.
    pub(crate) connected: Connected,
    /// To be held until the WELCOME.
    pub(crate) pending: Pending,
    /// True if another connection had to go.
    pub(crate) displaced: bool,
}

/// Counts a connection until it is dropped.
#[derive(Debug)]
pub(crate) struct Connected {
    ip: IpAddr,
    admission: Admission,
}

/// Says which place a task waits on.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    admission: Admission,
}

/// The place of a connection that has not been welcomed; dropping it means that it has been, or is gone.
#[derive(Debug)]
pub(crate) struct Pending {
    number: u64,
    protocol: Protocol,
    admission: Admission,
}

impl Admission {
    pub(crate) fn new(caps: Caps) -> Self {
        Self {
            caps,
            table: Arc::default(),
        }
    }

    /// Takes a connection in, or nothing if there is no place for it.
    ///
    /// At a pending cap another connection that is still waiting makes room. So those who never greet
    /// displace each other, and somebody who greets at once gets through a flood of them.
    pub(crate) fn admit(&self, ip: IpAddr, protocol: Protocol, now: Instant) -> Option<Admitted> {
        let ip = ip.to_canonical();
        let connections_max = self.caps.connections_per_ip_max;
        let mut table = self.table.lock();
        if connections_max != 0
            && table
                .connections
                .get(&ip)
                .is_some_and(|count| *count >= connections_max)
        {
            return None;
        }
        let displaced = table.overdue(ip, &self.caps, now);
        if let Some(number) = displaced {
            table.displace(number);
        }
        let crowded = table.pending.len() >= self.caps.pending_max;
        let crowding = if crowded {
            Some(table.crowding(now)?)
        } else {
            None
        };
        if let Some(number) = crowding {
            table.displace(number);
        }
        let number = table.enter(ip, now);
        drop(table);
        Some(Admitted {
            connected: Connected {
                ip,
                admission: self.clone(),
            },
            pending: Pending {
                number,
                protocol,
                admission: self.clone(),
            },
            displaced: displaced.or(crowding).is_some(),
        })
    }

    /// True if more than half of the places of those that have not been welcomed are taken.
    pub(crate) fn is_crowded(&self) -> bool {
        self.table.lock().pending.len() > self.caps.pending_max / 2
    }

    /// Ends every connection that has not been welcomed.
    pub(crate) fn dismiss(&self) {
        let waiting = std::mem::take(&mut self.table.lock().pending);
        waiting
            .into_values()
            .filter_map(|waiting| waiting.task)
            .for_each(|task| task.abort());
    }
}

impl Table {
    fn enter(&mut self, ip: IpAddr, now: Instant) -> u64 {
        self.last += 1;
        self.pending.insert(
            self.last,
            Waiting {
                ip,
                since: now,
                task: None,
            },
        );
        *self.connections.entry(ip).or_default() += 1;
        self.last
    }

    /// At the cap of an address: its oldest waiting connection, if that has had its time.
    fn overdue(&self, ip: IpAddr, caps: &Caps, now: Instant) -> Option<u64> {
        let mut waiting = self
            .pending
            .iter()
            .filter(|(_, waiting)| waiting.ip == ip)
            .peekable();
        let (number, oldest) = *waiting.peek()?;
        (waiting.count() >= caps.pending_per_ip_max && oldest.has_had_its_time(now))
            .then_some(*number)
    }

    /// At the cap of the server: the oldest connection of the address that has most of them waiting,
    /// or, if none has more than one, the oldest that has had its time.
    fn crowding(&self, now: Instant) -> Option<u64> {
        let mut crowds: HashMap<IpAddr, (usize, u64)> = HashMap::new();
        for (number, waiting) in &self.pending {
            crowds.entry(waiting.ip).or_insert((0, *number)).0 += 1;
        }
        let (count, number) = crowds.into_values().max()?;
        if count > 1 {
            return Some(number);
        }
        let (number, oldest) = self.pending.first_key_value()?;
        oldest.has_had_its_time(now).then_some(*number)
    }

    fn displace(&mut self, number: u64) {
        let displaced = self.pending.remove(&number);
        if let Some(task) = displaced.and_then(|waiting| waiting.task) {
            task.abort();
        }
    }
}

impl Waiting {
    fn has_had_its_time(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) >= PENDING_GRACE
    }
}

impl Pending {
    /// What the connection speaks.
    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    /// Tells which task to end if the connection has to make room.
    pub(crate) fn ticket(&self) -> Ticket {
        Ticket {
            number: self.number,
            admission: self.admission.clone(),
        }
    }
}

impl Ticket {
    pub(crate) fn belongs_to(self, task: AbortHandle) {
        // If the connection is through already, there is nobody to be told.
        if let Some(waiting) = self.admission.table.lock().pending.get_mut(&self.number) {
            waiting.task = Some(task);
        }
    }
}

impl Drop for Pending {
    fn drop(&mut self) {
        self.admission.table.lock().pending.remove(&self.number);
    }
}

impl Drop for Connected {
    fn drop(&mut self) {
        let mut table = self.admission.table.lock();
        if let Some(count) = table.connections.get_mut(&self.ip) {
            *count -= 1;
            if *count == 0 {
                table.connections.remove(&self.ip);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn ip(last: u8) -> IpAddr {
        IpAddr::from([10, 0, 0, last])
    }

    fn admission(connections_per_ip_max: usize) -> Admission {
        Admission::new(Caps {
            connections_per_ip_max,
            pending_max: 4,
            pending_per_ip_max: 2,
        })
    }

    fn waiting(admission: &Admission) -> Vec<u64> {
        admission.table.lock().pending.keys().copied().collect()
    }

    #[test]
    fn an_address_has_its_number_of_connections() {
        let (admission, now) = (admission(2), Instant::now());
        let first = admission.admit(ip(1), Protocol::Tcp, now).unwrap();
        let _second = admission.admit(ip(1), Protocol::Tcp, now).unwrap();
        assert!(admission.admit(ip(1), Protocol::Tcp, now).is_none());
        let mapped = std::net::Ipv4Addr::new(10, 0, 0, 1).to_ipv6_mapped();
        assert!(admission.admit(mapped.into(), Protocol::Tcp, now).is_none());
        assert!(admission.admit(ip(2), Protocol::Tcp, now).is_some());
        drop(first);
        assert!(admission.admit(ip(1), Protocol::Tcp, now).is_some());
        assert_eq!(waiting(&admission), [2]);
    }

    #[test]
    fn an_address_at_its_cap_displaces_its_own_overdue_ones() {
        let (admission, start) = (admission(0), Instant::now());
        let held: Vec<_> = (0..3)
            .map(|_| admission.admit(ip(1), Protocol::Tcp, start).unwrap())
            .collect();
        assert!(
            held.iter().all(|admitted| !admitted.displaced),
            "a burst is no attack"
        );
        let later = admission
            .admit(ip(1), Protocol::Tcp, start + PENDING_GRACE)
            .unwrap();
        assert!(later.displaced);
        assert_eq!(waiting(&admission), [2, 3, 4]);
    }

    #[test]
    fn a_full_server_makes_room_at_the_cost_of_the_largest_crowd() {
        let (admission, start) = (admission(0), Instant::now());
        let _held: Vec<_> = [1, 2, 2, 3]
            .map(|last| admission.admit(ip(last), Protocol::Tcp, start).unwrap())
            .into();
        let fourth = admission.admit(ip(4), Protocol::Tcp, start).unwrap();
        assert!(fourth.displaced);
        assert_eq!(waiting(&admission), [1, 3, 4, 5]);
        assert!(
            admission
                .admit(ip(5), Protocol::Tcp, start + Duration::from_millis(1))
                .is_none(),
            "nobody has had its time"
        );
        assert!(
            admission
                .admit(ip(5), Protocol::Tcp, start + PENDING_GRACE)
                .unwrap()
                .displaced
        );
    }

    #[test]
    fn a_welcomed_connection_is_no_longer_pending() {
        let (admission, now) = (admission(1), Instant::now());
        let Admitted {
            connected, pending, ..
        } = admission.admit(ip(1), Protocol::Tcp, now).unwrap();
        drop(pending);
        assert!(waiting(&admission).is_empty());
        assert!(
            admission.admit(ip(1), Protocol::Tcp, now).is_none(),
            "it still counts as a connection"
        );
        drop(connected);
        assert!(admission.admit(ip(1), Protocol::Tcp, now).is_some());
    }
}
