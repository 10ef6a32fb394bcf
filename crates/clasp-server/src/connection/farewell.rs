//! The last words of a connection.

use std::task::Waker;

use clasp_proto::{Binding, Close, Code};
use clasp_transport::websocket;
use tokio::time::timeout;

use super::durable::last_acks;
use super::end::End;
use super::{Connection, output};
use crate::limits::FAREWELL_TIMEOUT;

impl Connection<'_> {
    /// Says why the connection ends, if there is somebody to be told.
    /// // protocol/router.md 14.6, protocol/errors.md 1.4, 2.1
    pub(super) async fn farewell(mut self, end: &End) {
        if end.is_cut() && !self.output.drop_rest() {
            // In the middle of what it may not have any more: no word fits in between.
            return;
        }
        let words = match end {
            End::Left | End::Io(_) => None,
            End::Protocol(error) => Some((None, error.close())),
            End::Offended => Some((Some(Code::InvalidMessage), Close::Protocol)),
            End::Slow => Some((Some(Code::Overloaded), Close::SlowConsumer)),
            End::Silent => Some((Some(Code::Timeout), Close::IdleTimeout)),
            End::ShuttingDown => Some((Some(Code::Unavailable), Close::Shutdown)),
            End::Expired => Some((Some(Code::TokenExpired), Close::TokenEnded)),
            End::Revoked | End::Dismissed => Some((Some(Code::Unauthorized), Close::TokenEnded)),
        };
        let mut last = Vec::new();
        match words {
            Some((code, close)) => {
                let text = end.to_string();
                if let Some(code) = code {
                    self.attached.shared.metrics.add_error(code);
                    output::error(&mut last, self.binding, code, &text);
                }
                if self.binding == Binding::WebSocket {
                    websocket::close(&mut last, close.number(), &text);
                }
            }
            None if self.binding == Binding::WebSocket => {
                websocket::close(&mut last, Close::Normal.number(), "");
            }
            None => {}
        }
        if !matches!(end, End::Left | End::Io(_) | End::Slow) && !end.is_cut() {
            // The answers to what came before go out before the reason.
            self.output.refill(&self.attached.session, Waker::noop());
        }
        if matches!(end, End::ShuttingDown) {
            let acks = last_acks(&self.attached, self.binding).await;
            last.splice(..0, acks);
        }
        let closing = self.output.finish(&mut self.stream, &last);
        // A peer that does not take it loses it.
        timeout(FAREWELL_TIMEOUT, closing).await.ok();
    }
}
