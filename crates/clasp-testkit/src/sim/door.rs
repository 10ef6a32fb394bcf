//! One message through the door of the router, as a connection does it, and what the door says.

use clasp_proto::binary::{self, MessageRef};
use clasp_proto::{Code, Message, Qos};
use clasp_router::{Batch, Bundle, Operation, Receipt, Refusal};

use super::describe::brief;
use super::violation::Violation;
use crate::oracle::Refused;

/// What the router said to one operation.
pub(super) type Said = Result<Receipt, Code>;

/// Does what a connection does with a message.
pub(super) fn submit(batch: &mut Batch<'_>, payload: &[u8], qos: Qos) -> Said {
    let wants_ack = qos != Qos::Fire;
    let view = binary::view(payload).expect("what was encoded can be viewed");
    let (operation, address) = match &view {
        MessageRef::Set(set) => (Operation::Set(*set), Some(set.address)),
        MessageRef::Publish(publish) => (Operation::Publish(*publish), Some(publish.address)),
        MessageRef::Bundle(_) => (Operation::Bundle(Bundle { payload, wants_ack }), None),
        MessageRef::Other(Message::Get(get)) => {
            (Operation::Get(&get.address), Some(get.address.as_str()))
        }
        MessageRef::Other(Message::Subscribe(subscribe)) => (
            Operation::Subscribe(subscribe),
            Some(subscribe.pattern.as_str()),
        ),
        MessageRef::Other(Message::Unsubscribe(unsubscribe)) => {
            (Operation::Unsubscribe(unsubscribe.id), None)
        }
        MessageRef::Other(_) => return Ok(Receipt::default()),
    };
    let result = batch.submit(&operation);
    match &result {
        Ok(receipt) if wants_ack && receipt.is_applied => match operation {
            Operation::Set(set) => batch.acknowledge(Some(set.address), receipt),
            Operation::Bundle(_) => batch.acknowledge(None, receipt),
            _ => {}
        },
        Ok(_) => {}
        Err(refusal) => batch.refuse(refusal, address),
    }
    result.map_err(|refusal: Refusal| refusal.code())
}

pub(super) fn check_said(
    message: &Message,
    said: &Said,
    expected: &Result<Option<u64>, Refused>,
) -> Result<(), Violation> {
    let agrees = match (said, expected) {
        (Ok(receipt), Ok(revision)) => receipt.revision == *revision,
        (Err(code), Err(refused)) => refused.codes.contains(code),
        _ => false,
    };
    if agrees {
        return Ok(());
    }
    Err(Violation::Result {
        operation: brief(message),
        got: format!("{said:?}"),
        expected: format!("{expected:?}"),
    })
}
