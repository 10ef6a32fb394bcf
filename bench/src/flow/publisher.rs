//! One publisher: its prepared publications, and what it waits to be acknowledged.

use super::{Load, ROOT, UNIQUE_ROOT};
use crate::protocol::{Protocol, Publication, Template};
use crate::target::Target;
use std::collections::VecDeque;

pub(super) struct Publisher {
    protocol: Protocol,
    form: Form,
    addresses: Vec<Prepared>,
    next: usize,
    packet_id: u16,
    /// The value of the next publication where values are counted instead of timed.
    serial: u64,
    /// Address and value of what was sent for the kill test; acknowledgements of one
    /// publisher come back in the order of its sets.
    pub(super) unacknowledged: VecDeque<(String, f64)>,
    /// When what is not acknowledged yet was sent, in order.
    pub(super) sent_at: VecDeque<u64>,
}

struct Prepared {
    address: String,
    template: Template,
}

/// What all publications of a publisher have in common.
struct Form {
    index: usize,
    kind: crate::protocol::Kind,
    size: usize,
    qos: u8,
    acknowledged: bool,
    tracked: bool,
    unique: bool,
}

impl Publisher {
    pub(super) fn new(target: &Target, load: &Load, index: usize) -> Self {
        let tracked = load.kill_after.is_some();
        let form = Form {
            index,
            kind: load.kind,
            size: load.size,
            qos: target.qos,
            acknowledged: load.acknowledged,
            tracked,
            unique: tracked && load.addresses == 0,
        };
        let prepare = |number| {
            let address = format!("{ROOT}/{index}/{number}");
            let template = form.template(target.protocol, &address);
            Prepared { address, template }
        };
        Self {
            protocol: target.protocol,
            addresses: (0..load.addresses.max(1)).map(prepare).collect(),
            form,
            next: 0,
            packet_id: 0,
            serial: 0,
            unacknowledged: VecDeque::new(),
            sent_at: VecDeque::new(),
        }
    }

    /// Appends the next publication, sent at `stamp`.
    pub(super) fn publish(&mut self, out: &mut Vec<u8>, stamp: f64) {
        if self.form.acknowledged {
            self.sent_at.push_back(stamp as u64);
        }
        self.packet_id = self.packet_id % u16::MAX + 1;
        if self.form.unique {
            let address = format!("{UNIQUE_ROOT}/{}/{}", self.form.index, self.serial);
            let value = self.take_serial();
            self.form
                .template(self.protocol, &address)
                .write(out, value, self.packet_id);
            self.unacknowledged.push_back((address, value));
            return;
        }
        let at = self.next;
        self.next = if at + 1 == self.addresses.len() {
            0
        } else {
            at + 1
        };
        let value = if self.form.tracked {
            self.take_serial()
        } else {
            stamp
        };
        let prepared = &self.addresses[at];
        prepared.template.write(out, value, self.packet_id);
        if self.form.tracked {
            self.unacknowledged
                .push_back((prepared.address.clone(), value));
        }
    }

    fn take_serial(&mut self) -> f64 {
        self.serial += 1;
        (self.serial - 1) as f64
    }
}

impl Form {
    fn template(&self, protocol: Protocol, address: &str) -> Template {
        protocol.template(&Publication {
            kind: self.kind,
            address,
            size: self.size,
            qos: self.qos,
            retain: false,
        })
    }
}
