//! The physical limit of the machine: a server that copies bytes and does nothing else.
//! One thread, epoll, no parsing. First byte of a connection: 'P' publishes (40-byte frames
//! follow), 'S' receives. Whatever one read returns goes to every receiver in one write.

use crate::poll::{Poll, Ready};
use anyhow::Result;
use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

/// Serves until the process is ended.
pub(crate) fn serve(port: u16) -> Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", port))?;
    listener.set_nonblocking(true)?;
    // Again, for a longer queue than the standard library asks for.
    rustix::net::listen(&listener, ACCEPT_QUEUE)?;
    let poll = Poll::new(1024)?;
    poll.add(&listener, LISTENER)?;
    let mut server = Server {
        poll,
        peers: Vec::new(),
        receivers: Vec::new(),
    };
    let mut buffer = vec![0; READ_BYTES];
    loop {
        for index in 0..server.poll.wait(1_000_000_000) {
            match server.poll.ready(index) {
                Ready {
                    token: LISTENER, ..
                } => server.accept(&listener)?,
                ready => server.serve_peer(ready, &mut buffer)?,
            }
        }
    }
}

struct Server {
    poll: Poll,
    peers: Vec<Peer>,
    receivers: Vec<usize>,
}

struct Peer {
    socket: TcpStream,
    role: Option<u8>,
    pending: Vec<u8>,
}

impl Server {
    fn accept(&mut self, listener: &TcpListener) -> Result<()> {
        while let Ok((socket, _)) = listener.accept() {
            socket.set_nonblocking(true)?;
            socket.set_nodelay(true)?;
            self.poll.add(&socket, self.peers.len())?;
            self.peers.push(Peer {
                socket,
                role: None,
                pending: Vec::new(),
            });
        }
        Ok(())
    }

    fn serve_peer(&mut self, ready: Ready, buffer: &mut [u8]) -> Result<()> {
        let peer = &mut self.peers[ready.token];
        if ready.writable {
            peer.push(&[]);
            if peer.pending.is_empty() {
                self.poll.write_interest(&peer.socket, ready.token, false)?;
            }
        }
        if !ready.readable {
            return Ok(());
        }
        match peer.socket.read(buffer) {
            Ok(count) if count > 0 => self.spread(ready.token, &buffer[..count]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            _ => self.close(ready.token),
        }
    }

    /// Copies what one peer sent to every receiver.
    fn spread(&mut self, from: usize, mut data: &[u8]) -> Result<()> {
        if self.peers[from].role.is_none() {
            self.peers[from].role = Some(data[0]);
            if data[0] == b'S' {
                self.receivers.push(from);
            }
            data = &data[1..];
        }
        if data.is_empty() {
            return Ok(());
        }
        for receiver in &self.receivers {
            let peer = &mut self.peers[*receiver];
            let was_idle = peer.pending.is_empty();
            peer.push(data);
            if was_idle && !peer.pending.is_empty() {
                self.poll.write_interest(&peer.socket, *receiver, true)?;
            }
        }
        Ok(())
    }

    fn close(&mut self, token: usize) -> Result<()> {
        let socket = &self.peers[token].socket;
        self.poll.remove(socket)?;
        // The peer may have gone first.
        let _ = socket.shutdown(Shutdown::Both);
        self.receivers.retain(|receiver| *receiver != token);
        Ok(())
    }
}

impl Peer {
    /// Writes what the socket takes, behind what is still pending, and keeps the rest.
    fn push(&mut self, data: &[u8]) {
        if self.pending.is_empty() {
            if data.is_empty() {
                return;
            }
            match self.socket.write(data) {
                Ok(count) => self.pending.extend_from_slice(&data[count..]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.pending.extend_from_slice(data)
                }
                Err(_) => {}
            }
            return;
        }
        self.pending.extend_from_slice(data);
        match self.socket.write(&self.pending) {
            Ok(count) => drop(self.pending.drain(..count)),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => self.pending.clear(),
        }
    }
}

const LISTENER: usize = usize::MAX;
const ACCEPT_QUEUE: i32 = 4096;
const READ_BYTES: usize = 64 * 1024;
