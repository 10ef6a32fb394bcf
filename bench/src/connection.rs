//! One socket with its buffers: blocking while it is set up, non-blocking while it is measured.

use crate::protocol::{self, Event, Protocol, Reply, websocket};
use crate::system;
use crate::target::Target;
use anyhow::{Context as _, Result, bail};
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

pub(crate) struct Connection {
    pub(crate) socket: TcpStream,
    pub(crate) bytes_in: u64,
    pub(crate) closed: bool,
    protocol: Protocol,
    tunnel: bool,
    received: Vec<u8>,
    /// What came out of the WebSocket frames of a tunnel.
    inner: Vec<u8>,
    unsent: Vec<u8>,
    sent: usize,
    /// What goes into the next WebSocket frame of a tunnel.
    pending: Vec<u8>,
}

impl Connection {
    /// Opens the TCP connection.
    pub(crate) fn open(target: &Target) -> Result<Self> {
        let socket = TcpStream::connect_timeout(&target.socket, Duration::from_secs(10))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(Duration::from_secs(2)))?;
        // Close with a reset, so that no port stays in TIME_WAIT.
        rustix::net::sockopt::set_socket_linger(&socket, Some(Duration::ZERO))?;
        Ok(Self {
            socket,
            bytes_in: 0,
            closed: false,
            protocol: target.protocol,
            tunnel: target.tunnels(),
            received: Vec::new(),
            inner: Vec::new(),
            unsent: Vec::new(),
            sent: 0,
            pending: Vec::new(),
        })
    }

    pub(crate) fn unsent_bytes(&self) -> usize {
        self.unsent.len() - self.sent + self.pending.len()
    }

    /// Buffer for outgoing protocol bytes.
    #[inline]
    pub(crate) fn out(&mut self) -> &mut Vec<u8> {
        if self.tunnel {
            &mut self.pending
        } else {
            &mut self.unsent
        }
    }

    /// Writes what the socket takes; true when nothing is left over.
    pub(crate) fn flush(&mut self) -> bool {
        if self.tunnel && !self.pending.is_empty() {
            websocket::write_header(&mut self.unsent, websocket::BINARY, self.pending.len());
            self.unsent.append(&mut self.pending);
        }
        while self.sent < self.unsent.len() {
            match self.socket.write(&self.unsent[self.sent..]) {
                Ok(count) if count > 0 => self.sent += count,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                _ => {
                    self.closed = true;
                    break;
                }
            }
        }
        self.unsent.clear();
        self.sent = 0;
        true
    }

    /// Flushes until everything is written.
    pub(crate) fn flush_all(&mut self) {
        while !self.flush() {}
    }

    /// One read and the events in it. Returns the bytes read, 0 if there are none now.
    pub(crate) fn read(
        &mut self,
        scratch: &mut [u8],
        report: &mut impl FnMut(&Event<'_>),
    ) -> usize {
        match self.socket.read(scratch) {
            Ok(count) if count > 0 => {
                self.bytes_in += count as u64;
                self.feed(&scratch[..count], report);
                count
            }
            Err(error)
                if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted) =>
            {
                0
            }
            _ => {
                self.closed = true;
                0
            }
        }
    }

    /// Blocking: reads until `done` says so. False on time-out or close.
    pub(crate) fn until(&mut self, mut done: impl FnMut(&Event<'_>) -> bool, seconds: u64) -> bool {
        let mut scratch = vec![0; READ_BYTES];
        let end = system::now() + seconds * 1_000_000_000;
        let mut reached = false;
        let rest = std::mem::take(&mut self.received);
        self.feed(&rest, &mut |event| reached |= done(event));
        while !reached {
            if self.closed || system::now() > end {
                return false;
            }
            self.read(&mut scratch, &mut |event| reached |= done(event));
            if self.unsent_bytes() > 0 {
                self.flush();
            }
        }
        true
    }

    pub(crate) fn set_blocking(&self, blocking: bool) -> Result<()> {
        self.socket.set_nonblocking(!blocking)?;
        if blocking {
            self.socket
                .set_read_timeout(Some(Duration::from_millis(200)))?;
        }
        Ok(())
    }

    /// A small receive buffer, for a reader that is stuck; to be set before anything is read.
    pub(crate) fn shrink_receive_buffer(&self) -> Result<()> {
        Ok(rustix::net::sockopt::set_socket_recv_buffer_size(
            &self.socket,
            4096,
        )?)
    }

    /// Blocking: reads the answer to a WebSocket upgrade and keeps what came behind it.
    pub(crate) fn read_upgrade(&mut self) -> Result<()> {
        let mut buffer = [0; 2048];
        let mut answer: Vec<u8> = Vec::new();
        for _ in 0..20 {
            match self.socket.read(&mut buffer) {
                Ok(0) => bail!("closed during upgrade"),
                Ok(count) => answer.extend_from_slice(&buffer[..count]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error).context("upgrade"),
            }
            let Some(end) = answer.windows(4).position(|four| four == b"\r\n\r\n") else {
                continue;
            };
            if !answer.starts_with(b"HTTP/1.1 101") {
                bail!("{}", String::from_utf8_lossy(&answer[..end]));
            }
            self.received.extend_from_slice(&answer[end + 4..]);
            return Ok(());
        }
        bail!("no upgrade answer")
    }

    fn feed(&mut self, data: &[u8], report: &mut impl FnMut(&Event<'_>)) {
        let mut replies: Vec<Reply> = Vec::new();
        let mut closed = false;
        let mut sort = |event: Event<'_>| match event {
            Event::Reply(reply) => replies.push(reply),
            Event::Closed => closed = true,
            // Lent and not moved: a copy of every event costs a tenth of the generator's time.
            ref event => report(event),
        };
        if self.tunnel {
            self.received.extend_from_slice(data);
            unwrap_frames(&mut self.received, &mut self.inner, &mut sort);
            let used = self.protocol.drain(&self.inner, &mut sort);
            self.inner.drain(..used);
        } else if self.received.is_empty() {
            let used = self.protocol.drain(data, &mut sort);
            self.received.extend_from_slice(&data[used..]);
        } else {
            self.received.extend_from_slice(data);
            let used = self.protocol.drain(&self.received, &mut sort);
            self.received.drain(..used);
        }
        self.closed |= closed;
        for reply in replies {
            let link = self.tunnel && matches!(reply, Reply::WebSocketPong(_));
            let out = if link { &mut self.unsent } else { self.out() };
            protocol::reply(reply, out);
        }
    }
}

/// Takes whole WebSocket frames out of `received` and appends their payload to `inner`.
fn unwrap_frames(received: &mut Vec<u8>, inner: &mut Vec<u8>, report: &mut impl FnMut(Event<'_>)) {
    let mut used = 0;
    while let Some(frame) = websocket::first_frame(&received[used..]) {
        let body = &received[used + frame.start..used + frame.end];
        match frame.opcode {
            0..=websocket::BINARY => inner.extend_from_slice(body),
            websocket::CLOSE => report(Event::Closed),
            websocket::PING => report(Event::Reply(Reply::WebSocketPong(body.to_vec()))),
            _ => {}
        }
        used += frame.end;
    }
    received.drain(..used);
}

/// What one read takes at most.
pub(crate) const READ_BYTES: usize = 256 * 1024;
