//! Answers to the session itself: at once, or as soon as the writes that they speak of are kept.

use clasp_proto::binary::{self, MessageRef};
use clasp_proto::limits::ADDRESS_BYTES_MAX;
use clasp_proto::{Binding, Code, ErrorMessage, Message, Qos};

use super::Batch;
use crate::operation::Receipt;
use crate::owed::Due;
use crate::refusal::Refusal;
use crate::router::Router;
use crate::run::Run;
use crate::session::Session;

impl Batch<'_> {
    /// Answers a write with an ACK, behind everything that the session's writes delivered to
    /// itself, and not before it is kept. // protocol/router.md 6.3, 18.4
    pub fn acknowledge(&mut self, address: Option<&str>, receipt: &Receipt) {
        let router = self.router;
        if router.taps.is_empty() {
            return self.ack(address, receipt.revision);
        }
        let mut owed = self.session.owed.lock();
        if owed.is_empty() && receipt.sequence <= router.kept().up_to {
            drop(owed);
            return self.ack(address, receipt.revision);
        }
        let payload = &mut self.work.payload;
        payload.clear();
        binary::write_ack(payload, address, receipt.revision);
        owed.push(receipt.sequence, payload);
    }

    /// Answers a write with an ERROR, behind the answers to the writes before it.
    /// // protocol/router.md 18.5
    pub fn refuse_write(&mut self, refusal: &Refusal, address: Option<&str>) {
        if self.router.taps.is_empty() || !self.session.owes() {
            return self.refuse(refusal, address);
        }
        if refusal.is_told() {
            self.write_refusal(refusal, address);
            self.session.owed.lock().push(0, &self.work.payload);
        }
    }

    /// Answers with an ACK, behind everything that the session's writes delivered to itself.
    pub fn ack(&mut self, address: Option<&str>, revision: Option<u64>) {
        self.work.payload.clear();
        binary::write_ack(&mut self.work.payload, address, revision);
        self.answer_payload();
    }

    /// Answers with an ERROR, unless the peer was told the same a moment ago.
    /// // protocol/router.md 6.16, 15.2, protocol/errors.md 1.3
    pub fn refuse(&mut self, refusal: &Refusal, address: Option<&str>) {
        if refusal.is_told() {
            self.write_refusal(refusal, address);
            self.answer_payload();
        }
    }

    /// Answers with an ERROR of the connection's own. An address that is far too long, and the end
    /// of a long text, are left out: the peer knows what it sent.
    pub fn error(&mut self, code: Code, message: &str, address: Option<&str>) {
        self.write_error(code, message, address);
        self.answer_payload();
    }

    /// Answers something that cannot be read with an ERROR, behind the answers to the writes before it: it may have been
    /// meant as one. // protocol/router.md 18.5
    pub fn error_in_turn(&mut self, code: Code, message: &str) {
        self.write_error(code, message, None);
        match self.router.taps.is_empty() || !self.session.owes() {
            true => self.answer_payload(),
            false => self.session.owed.lock().push(0, &self.work.payload),
        }
    }

    /// Answers with a message that needs nothing of the router: PONG, SYNC, WELCOME.
    pub fn answer(&mut self, payload: &[u8]) {
        self.answer_as(Qos::Fire, payload);
    }

    pub(crate) fn answer_as(&mut self, qos: Qos, payload: &[u8]) {
        self.work.answers.frame(qos, payload);
        self.flush_full_answers();
    }

    /// Gives the answers that have waited long enough. // protocol/router.md 18.4
    pub fn settle(&mut self) {
        let kept = self.router.kept();
        loop {
            let due = self.session.owed.lock().take(kept, &mut self.work.payload);
            match due {
                None => return,
                Some(Due::Now) => self.answer_payload(),
                Some(Due::NotKept) => {
                    let ack = core::mem::take(&mut self.work.payload);
                    self.write_loss(&ack);
                    self.answer_payload();
                }
            }
        }
    }

    fn write_refusal(&mut self, refusal: &Refusal, address: Option<&str>) {
        let address = match refusal {
            Refusal::Member { address, .. } => Some(&**address),
            _ => address,
        };
        self.write_error(refusal.code(), &refusal.to_string(), address);
    }

    fn write_error(&mut self, code: Code, message: &str, address: Option<&str>) {
        self.work.delivery.tally.error(code);
        self.work.payload.clear();
        write_error(&mut self.work.payload, code, message, address);
    }

    /// Writes what is answered instead of an ACK that was promised. A refusal stays one.
    fn write_loss(&mut self, answer: &[u8]) {
        match binary::view(answer).expect("the router wrote it") {
            MessageRef::Other(Message::Ack(ack)) => {
                self.write_error(Code::Unavailable, NOT_KEPT, ack.address.as_deref());
            }
            _ => self.work.payload.extend_from_slice(answer),
        }
    }

    fn answer_payload(&mut self) {
        self.work.answers.frame(Qos::Fire, &self.work.payload);
        self.flush_full_answers();
    }

    fn flush_full_answers(&mut self) {
        if self.work.answers.is_full() {
            self.work.delivery.flush(self.now.tick);
            self.flush_answers();
        }
    }

    pub(crate) fn flush_answers(&mut self) {
        if self.work.answers.is_empty() {
            return;
        }
        self.work
            .delivery
            .push(self.session, &self.work.answers, self.now.tick);
        self.work.answers.clear();
    }
}

impl Router {
    /// The ACKs of a session whose outbox takes nothing more, framed for its transport: those that
    /// have waited long enough. // protocol/router.md 14.5
    #[must_use]
    pub fn last_answers(&self, session: &Session, binding: Binding) -> Vec<u8> {
        let kept = self.kept();
        let (mut run, mut payload) = (Run::default(), Vec::new());
        let mut owed = session.owed.lock();
        while let Some(Due::Now) = owed.take(kept, &mut payload) {
            run.frame(Qos::Fire, &payload);
        }
        let mut framed = Vec::new();
        run.append_to(binding, &mut framed);
        framed
    }
}

fn write_error(out: &mut Vec<u8>, code: Code, message: &str, address: Option<&str>) {
    let error = Message::Error(ErrorMessage {
        code: code.number(),
        message: message[..message.floor_char_boundary(ERROR_TEXT_BYTES_MAX)].to_owned(),
        address: address
            .filter(|address| address.len() <= ERROR_ADDRESS_BYTES_MAX)
            .map(str::to_owned),
        // No request carries one. protocol/wire.md 10.2
        correlation_id: None,
    });
    binary::encode(&error, out).expect("a short text and an address fit into a frame");
}

/// What of an error's text is sent: ours are shorter, but some repeat what the peer sent.
const ERROR_TEXT_BYTES_MAX: usize = 1024;

/// Up to here an ERROR repeats the address, also one that is refused for its length.
const ERROR_ADDRESS_BYTES_MAX: usize = 4 * ADDRESS_BYTES_MAX;

/// Instead of an ACK, when the tap that keeps writes keeps none.
const NOT_KEPT: &str =
    "the journal does not keep up: this write was done, but a restart may undo it";
