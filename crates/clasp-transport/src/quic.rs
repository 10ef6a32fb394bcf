//! CLASP over QUIC: one stream of a connection, opened by the client; frames stand behind each other and say
//! themselves how long they are.
// protocol/wire.md 1.14

use std::fmt;
use std::future::Future;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use clasp_proto::frame::Header;
use quinn::{
    ClientConfig, Connection, Endpoint, Incoming, RecvStream, SendStream, ServerConfig,
    TransportConfig, VarInt,
};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use crate::error::{HandshakeError, LinkError, ProtocolError};
use crate::limits::{QUIC_IDLE, QUIC_KEEP_ALIVE, QUIC_SEND_BYTES, QUIC_WINDOW_BYTES};
use crate::step::Step;
use crate::stream::Stream;
use crate::tls::{ClientTls, ServerTls};

/// Cuts bare frames out of a caller's buffer.
#[derive(Debug, Default)]
pub struct Reader;

impl Reader {
    /// What comes next in `buf` at position `at`, which is moved behind it.
    ///
    /// # Errors
    /// What comes next is no frame, and so nobody knows where the next one begins.
    #[inline]
    pub fn next(&mut self, buf: &[u8], at: &mut usize) -> Result<Step, ProtocolError> {
        let rest = &buf[*at..];
        let Some(header) = Header::parse(rest).map_err(|_| ProtocolError::NoFrame)? else {
            return Ok(Step::NeedMore(rest.len() + 1));
        };
        let length = header.frame_len();
        if rest.len() < length {
            return Ok(Step::NeedMore(length));
        }
        let start = *at;
        *at = start + length;
        Ok(Step::Binary(start..*at))
    }
}

/// A UDP socket on which connections arrive.
#[derive(Debug)]
pub struct Listener {
    endpoint: Endpoint,
}

/// A connection of which only the first packet is here; boxed, since it is kept beside sockets, which are small.
pub struct Arriving(Box<Incoming>);

impl Listener {
    /// Binds an address.
    ///
    /// # Errors
    /// The system does not give it to us.
    pub fn bind(address: SocketAddr, tls: &ServerTls) -> io::Result<Self> {
        let mut config = ServerConfig::with_crypto(tls.quic());
        config.transport_config(Arc::new(transport()));
        Ok(Self {
            endpoint: Endpoint::server(config, address)?,
        })
    }

    /// Where it is bound.
    ///
    /// # Errors
    /// The socket is broken.
    pub fn local_addr(&self) -> io::Result<SocketAddr> {
        self.endpoint.local_addr()
    }

    /// The next connection; nothing when the listener has ended. It waits for nobody but the system.
    pub async fn accept(&self) -> Option<Arriving> {
        let incoming = self.endpoint.accept().await?;
        Some(Arriving(Box::new(incoming)))
    }

    /// Lets no more connections in; those that are there go on.
    pub fn close(&self) {
        self.endpoint.set_server_config(None);
    }
}

impl Arriving {
    /// Who it says it is; see [`Self::is_validated`].
    pub fn peer(&self) -> SocketAddr {
        self.0.remote_address()
    }

    /// True if the peer has shown that it gets what is sent to its address.
    pub fn is_validated(&self) -> bool {
        self.0.remote_address_validated()
    }

    /// Asks the peer to show that, which costs it a round trip and us no memory.
    pub fn validate(self) {
        // It could not be asked if it had been before.
        self.0.retry().ok();
    }

    /// Turns it away.
    pub fn refuse(self) {
        self.0.refuse();
    }

    /// Completes the handshake and waits for the client's stream. There is no deadline in here: the caller sets one.
    ///
    /// # Errors
    /// The peer left, or does not speak our QUIC.
    pub async fn stream(self) -> Result<Stream, HandshakeError> {
        let connection = self.0.accept().map_err(HandshakeError::Quic)?;
        let connection = connection.await.map_err(HandshakeError::Quic)?;
        let (send, recv) = connection.accept_bi().await.map_err(HandshakeError::Quic)?;
        Ok(Duplex::new(connection, send, recv).into())
    }
}

impl fmt::Debug for Arriving {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_tuple("Arriving")
            .field(&self.peer())
            .finish()
    }
}

/// Opens a connection and the stream on it.
pub(crate) async fn connect(
    address: SocketAddr,
    host: &str,
    tls: &ClientTls,
) -> Result<Stream, LinkError> {
    let refused = |source| LinkError::Quic {
        address: address.to_string(),
        source,
    };
    let any: SocketAddr = match address {
        SocketAddr::V4(_) => (Ipv4Addr::UNSPECIFIED, 0).into(),
        SocketAddr::V6(_) => (Ipv6Addr::UNSPECIFIED, 0).into(),
    };
    let mut config = ClientConfig::new(tls.quic());
    config.transport_config(Arc::new(transport()));
    let endpoint = Endpoint::client(any)?;
    let connecting = endpoint.connect_with(config, address, host);
    let connecting = connecting.map_err(|_| LinkError::ServerName { host: host.into() })?;
    let connection = connecting.await.map_err(refused)?;
    let (send, recv) = connection.open_bi().await.map_err(refused)?;
    Ok(Duplex::new(connection, send, recv).into())
}

/// One stream in both directions, and the connection that it keeps open.
pub struct Duplex {
    connection: Connection,
    send: SendStream,
    recv: RecvStream,
    end: End,
}

/// How far the end of the sending half has come.
enum End {
    NotBegun,
    /// Until the peer has got everything.
    Waiting(Pin<Box<dyn Future<Output = ()> + Send>>),
    Reached,
}

impl Duplex {
    fn new(connection: Connection, send: SendStream, recv: RecvStream) -> Self {
        Self {
            connection,
            send,
            recv,
            end: End::NotBegun,
        }
    }

    /// The address of the other side.
    pub fn peer(&self) -> SocketAddr {
        self.connection.remote_address()
    }
}

impl AsyncRead for Duplex {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        AsyncRead::poll_read(Pin::new(&mut self.recv), cx, buf)
    }
}

impl AsyncWrite for Duplex {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        AsyncWrite::poll_write(Pin::new(&mut self.send), cx, buf)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        AsyncWrite::poll_flush(Pin::new(&mut self.send), cx)
    }

    /// Ends the stream and waits for the peer to have it all: the end of the connection would overtake it.
    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if let End::NotBegun = self.end {
            // It fails if it has been finished or stopped before, and then there is nothing to wait for.
            self.send.finish().ok();
            let stopped = self.send.stopped();
            self.end = End::Waiting(Box::pin(async move {
                stopped.await.ok();
            }));
        }
        if let End::Waiting(all_got) = &mut self.end {
            ready!(all_got.as_mut().poll(cx));
            self.end = End::Reached;
        }
        Poll::Ready(Ok(()))
    }
}

impl fmt::Debug for Duplex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Duplex").field(&self.peer()).finish()
    }
}

/// The client's one stream and nothing else, with bounded memory on both sides.
fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    let idle = VarInt::from_u32(QUIC_IDLE.as_millis() as u32);
    transport
        .keep_alive_interval(Some(QUIC_KEEP_ALIVE))
        .max_idle_timeout(Some(idle.into()))
        .max_concurrent_bidi_streams(VarInt::from_u32(1))
        .max_concurrent_uni_streams(VarInt::from_u32(0))
        .datagram_receive_buffer_size(None)
        .stream_receive_window(VarInt::from_u32(QUIC_WINDOW_BYTES))
        .receive_window(VarInt::from_u32(QUIC_WINDOW_BYTES))
        .send_window(QUIC_SEND_BYTES);
    transport
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_at_every_split() {
        let frames: [&[u8]; 3] = [
            b"S\x01\x00\x01A",
            b"S\x21\x00\x02\0\0\0\0\0\0\0\x01ab",
            b"S\x01\x00\x03xyz",
        ];
        let bytes = frames.concat();
        for split in 0..=bytes.len() {
            let (mut at, mut found) = (0, Vec::new());
            for end in [split, bytes.len()] {
                while let Step::Binary(range) = Reader.next(&bytes[..end], &mut at).unwrap() {
                    found.push(bytes[range].to_vec());
                }
            }
            assert_eq!(found, frames, "split at {split}");
        }
    }

    #[test]
    fn what_is_no_frame_ends_the_link() {
        assert_eq!(Reader.next(b"GET ", &mut 0), Err(ProtocolError::NoFrame));
        assert_eq!(Reader.next(b"", &mut 0), Ok(Step::NeedMore(1)));
        assert_eq!(Reader.next(b"S\x01", &mut 0), Ok(Step::NeedMore(3)));
        assert_eq!(
            Reader.next(b"S\x01\xFF\xFF", &mut 0),
            Ok(Step::NeedMore(65_539))
        );
    }
}
