//! epoll with time-outs in nanoseconds.

use anyhow::Result;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, EventData, EventFlags};
use std::os::fd::{AsFd, OwnedFd};

pub(crate) struct Poll {
    epoll: OwnedFd,
    events: Vec<epoll::Event>,
}

/// A socket that can be read or written.
#[derive(Clone, Copy)]
pub(crate) struct Ready {
    pub(crate) token: usize,
    pub(crate) readable: bool,
    pub(crate) writable: bool,
}

impl Poll {
    /// Reports at most `capacity` sockets at a time.
    pub(crate) fn new(capacity: usize) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        Ok(Self {
            epoll,
            events: Vec::with_capacity(capacity),
        })
    }

    pub(crate) fn add(&self, socket: impl AsFd, token: usize) -> Result<()> {
        Ok(epoll::add(
            &self.epoll,
            socket,
            data(token),
            EventFlags::IN,
        )?)
    }

    pub(crate) fn write_interest(&self, socket: impl AsFd, token: usize, on: bool) -> Result<()> {
        let flags = if on {
            EventFlags::IN | EventFlags::OUT
        } else {
            EventFlags::IN
        };
        Ok(epoll::modify(&self.epoll, socket, data(token), flags)?)
    }

    pub(crate) fn remove(&self, socket: impl AsFd) -> Result<()> {
        Ok(epoll::delete(&self.epoll, socket)?)
    }

    /// Waits at most that long and returns how many sockets are ready.
    pub(crate) fn wait(&mut self, nanoseconds: u64) -> usize {
        let timeout = Timespec {
            tv_sec: (nanoseconds / 1_000_000_000) as i64,
            tv_nsec: (nanoseconds % 1_000_000_000) as i64,
        };
        self.events.clear();
        // Interrupted by a signal: as if the time were over.
        epoll::wait(
            &self.epoll,
            rustix::buffer::spare_capacity(&mut self.events),
            Some(&timeout),
        )
        .unwrap_or(0)
    }

    /// The socket at `index` of those that the last wait found.
    #[inline]
    pub(crate) fn ready(&self, index: usize) -> Ready {
        let event = self.events[index];
        let flags = event.flags;
        Ready {
            token: event.data.u64() as usize,
            readable: !flags.difference(EventFlags::OUT).is_empty(),
            writable: flags.contains(EventFlags::OUT),
        }
    }
}

fn data(token: usize) -> EventData {
    EventData::new_u64(token as u64)
}
