//! Where QUIC connections come from; their handshakes go on in their own tasks.

use std::net::SocketAddr;

use clasp_transport::quic::{Arriving, Listener};

use super::clasp::Door;
use crate::connection::Arrival;
use crate::shared::Shared;

impl Door for Listener {
    async fn next(&mut self, shared: &Shared) -> Option<(Arrival, SocketAddr)> {
        loop {
            let arriving: Arriving = self.accept().await?;
            // Who may have made up its address gets no place while places are scarce. // protocol/limits.md 4.12
            if arriving.is_validated() || !shared.admission.wants_proof() {
                let peer = arriving.peer();
                return Some((Arrival::Quic(arriving), peer));
            }
            arriving.validate();
        }
    }

    fn close(self) {
        Self::close(&self);
    }
}
