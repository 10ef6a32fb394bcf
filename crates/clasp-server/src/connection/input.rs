//! The reading half of a connection: bytes to frames to operations, a batch at a time.

use std::cell::RefCell;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use clasp_router::{Session, Tick, Work};
use clasp_transport::{FrameReader, Step, Stream};
use tokio::io::{AsyncRead, ReadBuf};

use super::dispatch::Dispatch;
use super::replay::Asked;
use super::{Attached, End};
use crate::metrics::Counts;
use crate::shared::Shared;

/// What has been received and is not a whole frame yet.
pub(super) struct Input {
    reader: FrameReader,
    /// Received bytes that do not make a frame yet; empty for most sessions most of the time.
    rest: Vec<u8>,
    /// Bytes from `rest` on that are needed before it is worth looking again.
    needed: usize,
    /// There is something in `rest` that was not looked at.
    is_fresh: bool,
    offences: u32,
    /// REPLAYs that may still be asked for.
    pub(super) replays_max: usize,
}

/// What one reading brought.
pub(super) struct Received {
    /// Sessions that were given more than half of what they may have queued.
    pub(super) pressed: Vec<Arc<Session>>,
    /// Pongs to send, framed.
    pub(super) control: Vec<u8>,
    /// When it came.
    pub(super) at: Tick,
    /// The read was full: there is probably more.
    pub(super) has_more: bool,
    /// What it asks to be played again.
    pub(super) replays: Vec<Asked>,
    /// PINGs of it that are answered behind what it asked for.
    pub(super) pongs_owed: usize,
    /// It wrote, and hardly anything more has room in the journal.
    pub(super) has_filled: bool,
}

/// Buffers of a worker thread: a session owns one only while half a frame is in it
/// (protocol/limits.md 4.9).
struct Buffers {
    bytes: Vec<u8>,
    done: Done,
}

/// What batches need and leave behind.
#[derive(Default)]
struct Done {
    work: Work,
    counts: Counts,
}

thread_local! {
    static BUFFERS: RefCell<Buffers> = RefCell::new(Buffers {
        bytes: vec![0; SMALL_REST_BYTES + READ_BYTES_MAX],
        done: Done::default(),
    });
}

impl Input {
    /// A reading half that begins with `received`, which came behind the handshake.
    pub(super) fn new(reader: FrameReader, received: Vec<u8>) -> Self {
        let is_fresh = !received.is_empty();
        Self {
            reader,
            rest: received,
            needed: 0,
            is_fresh,
            offences: 0,
            replays_max: 0,
        }
    }

    /// Reads what the socket holds, at most one buffer of it, and does all of it as one batch.
    pub(super) fn poll(
        &mut self,
        cx: &mut Context<'_>,
        stream: &mut Stream,
        attached: &Attached<'_>,
    ) -> Poll<Result<Received, End>> {
        BUFFERS.with_borrow_mut(|buffers| {
            let Buffers { bytes, done } = buffers;
            done.counts.clear();
            if self.needed.max(self.rest.len()) > SMALL_REST_BYTES {
                if !core::mem::take(&mut self.is_fresh) {
                    done.counts.bytes = ready!(self.fill_rest(cx, stream))?;
                }
                let mut rest = core::mem::take(&mut self.rest);
                let received = self.process(cx, &mut rest, done, attached);
                return Poll::Ready(received);
            }
            let held = self.rest.len();
            bytes[..held].copy_from_slice(&self.rest);
            let count = if core::mem::take(&mut self.is_fresh) {
                held
            } else {
                let read = ready!(read(cx, stream, &mut bytes[held..held + READ_BYTES_MAX]))?;
                done.counts.bytes = read;
                held + read
            };
            self.rest.clear();
            let is_full = count - held >= READ_BYTES_MAX;
            let received = self.process(cx, &mut bytes[..count], done, attached);
            Poll::Ready(received.map(|received| Received {
                has_more: is_full,
                ..received
            }))
        })
    }

    /// Reads into the session's own buffer, which holds the beginning of a large frame.
    fn fill_rest(&mut self, cx: &mut Context<'_>, stream: &mut Stream) -> Poll<Result<usize, End>> {
        let held = self.rest.len();
        self.rest.resize(self.needed.max(held + 1), 0);
        let count = read(cx, stream, &mut self.rest[held..]);
        let read = if let Poll::Ready(Ok(count)) = count {
            count
        } else {
            0
        };
        self.rest.truncate(held + read);
        count
    }

    fn process(
        &mut self,
        cx: &Context<'_>,
        bytes: &mut [u8],
        done: &mut Done,
        attached: &Attached<'_>,
    ) -> Result<Received, End> {
        let mut at = 0;
        let mut control = Vec::new();
        let Attached {
            shared, session, ..
        } = attached;
        let Done { work, counts } = done;
        let (now, begun) = shared.clock.read();
        let batch = shared.router.batch(session, now, work);
        let mut dispatch = Dispatch::new(batch, shared, counts, self.offences);
        dispatch.replays_max = self.replays_max;
        let mut has_filled = false;
        let end = loop {
            match self.reader.next(bytes, &mut at) {
                Ok(Step::Binary(range)) => dispatch.frame(&bytes[range]),
                Ok(Step::Assembled(frame)) => dispatch.frame(&frame),
                Ok(Step::Text) => dispatch.text(),
                Ok(Step::Ping(range)) => {
                    clasp_transport::websocket::pong(&mut control, &bytes[range]);
                }
                Ok(Step::Pong) => {}
                Ok(Step::Close { .. }) => break Some(End::Left),
                Ok(Step::NeedMore(needed)) => {
                    self.needed = needed;
                    break None;
                }
                Err(error) => break Some(End::Protocol(error)),
            }
            if dispatch.is_offended() {
                break Some(End::Offended);
            }
            let has_answers = dispatch.has_asked() && session.outbox.is_above_half();
            has_filled = dispatch.has_written() && fills_journal(shared, session);
            if has_answers || has_filled || dispatch.batch.is_pressed() {
                // The rest waits for others to read what this peer sends them, for the disk to take
                // it, or for itself to read its answers: else who reads would be taken for one that does not.
                // protocol/router.md 16.2
                self.needed = 0;
                self.is_fresh = at < bytes.len();
                break None;
            }
        };
        self.offences = dispatch.offences;
        let replays = std::mem::take(&mut dispatch.replays);
        let pongs_owed = dispatch.pongs_owed;
        let pressed = dispatch.finish(cx.waker());
        let took = begun.elapsed();
        shared.metrics.add_batch(counts, work, now.tick, took);
        self.rest.extend_from_slice(&bytes[at..]);
        match end {
            Some(end) => Err(end),
            None => Ok(Received {
                pressed,
                control,
                at: now.tick,
                has_more: false,
                replays,
                pongs_owed,
                has_filled,
            }),
        }
    }
}

/// True if who writes should wait for the disk. // protocol/router.md 18.7
fn fills_journal(shared: &Shared, session: &Session) -> bool {
    let journal = shared.journal.as_ref();
    journal.is_some_and(|journal| journal.is_filling() || session.owes_much())
}

/// Lends the buffers of this thread for a batch that nothing was read for.
pub(super) fn with_work(shared: &Shared, use_it: impl FnOnce(&mut Work)) {
    BUFFERS.with_borrow_mut(|buffers| {
        let work = &mut buffers.done.work;
        use_it(work);
        shared.metrics.add_work(work);
    });
}

fn read(cx: &mut Context<'_>, stream: &mut Stream, into: &mut [u8]) -> Poll<Result<usize, End>> {
    let mut buf = ReadBuf::new(into);
    match ready!(Pin::new(stream).poll_read(cx, &mut buf)) {
        Ok(()) if buf.filled().is_empty() => Poll::Ready(Err(End::Left)),
        Ok(()) => Poll::Ready(Ok(buf.filled().len())),
        Err(error) if is_goodbye(error.kind()) => Poll::Ready(Err(End::Left)),
        Err(error) => Poll::Ready(Err(End::Io(error))),
    }
}

/// Sockets end with a reset, TLS without its goodbye, QUIC connections by being closed or given up.
const fn is_goodbye(kind: io::ErrorKind) -> bool {
    use io::ErrorKind::{ConnectionReset, NotConnected, UnexpectedEof};
    matches!(kind, ConnectionReset | NotConnected | UnexpectedEof)
}

/// What one read may bring. Large enough that the cost of a read does not show, and small enough
/// that those who are sent something of it have their turn soon.
const READ_BYTES_MAX: usize = 64 * 1024;

/// Half a frame up to this size is copied to the thread's buffer for the next read.
const SMALL_REST_BYTES: usize = 4096;
