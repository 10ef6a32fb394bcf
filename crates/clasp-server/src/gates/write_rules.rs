//! Write rules at the door: a write is let through or refused by the rule that its address matches.

use std::sync::Arc;

use clasp_proto::binary::Body;
use clasp_proto::{Encoded, Value};
use clasp_router::{Caller, Gate, Operation, Refusal, Sight, View};

use super::subject;
use crate::app_config::{AppConfig, Ruling, State};

/// Asks the write rules of an application. // protocol/router.md 17.6
pub(super) struct WriteRules(pub(super) Arc<AppConfig>);

impl Gate for WriteRules {
    /// It hides nothing.
    fn sight(&self) -> Sight {
        Sight::Open
    }

    fn admit(&self, caller: &Caller<'_>, operation: &Operation<'_>) -> Result<(), Refusal> {
        let Some((ruling, written)) = self.ruling(operation) else {
            return Ok(());
        };
        let subject = subject(caller.session);
        if ruling.lookups(subject, written.is_null()).is_empty() {
            return judge(&ruling, subject, written, &|_| None);
        }
        Ok(())
    }

    fn lookups(&self, caller: &Caller<'_>, write: &Operation<'_>, lookups: &mut Vec<String>) {
        if let Some((ruling, written)) = self.ruling(write) {
            lookups.extend(ruling.lookups(subject(caller.session), written.is_null()));
        }
    }

    fn admit_in_view(
        &self,
        caller: &Caller<'_>,
        write: &Operation<'_>,
        view: &View<'_>,
    ) -> Result<(), Refusal> {
        let Some((ruling, written)) = self.ruling(write) else {
            return Ok(());
        };
        let state = |address: &str| view.value(address).map(Encoded::to_value);
        judge(&ruling, subject(caller.session), written, &state)
    }
}

impl WriteRules {
    fn ruling<'a>(&'a self, write: &'a Operation<'_>) -> Option<(Ruling<'a>, Written<'a>)> {
        let (address, written) = match write {
            Operation::Set(set) => (set.address, Written::Value(set.value)),
            Operation::Publish(publish) => (publish.address, Written::of(publish.body)),
            _ => return None,
        };
        Some((self.0.write_rule(address)?, written))
    }
}

/// What is written.
#[derive(Clone, Copy)]
enum Written<'a> {
    Nothing,
    Value(Encoded<'a>),
    /// Numbers of a stream: not null, and no map with fields either.
    Samples,
}

impl<'a> Written<'a> {
    fn of(body: Body<'a>) -> Self {
        match body {
            Body::None => Self::Nothing,
            Body::Value(value) => Self::Value(value),
            Body::Samples(_) => Self::Samples,
        }
    }

    fn is_null(self) -> bool {
        match self {
            Self::Nothing => true,
            Self::Value(value) => value.is_null(),
            Self::Samples => false,
        }
    }

    fn to_value(self) -> Option<Value> {
        match self {
            Self::Nothing => None,
            Self::Value(value) => Some(value.to_value()),
            Self::Samples => Some(Value::Array(Vec::new())),
        }
    }
}

fn judge(
    ruling: &Ruling<'_>,
    subject: &str,
    written: Written<'_>,
    state: &State<'_>,
) -> Result<(), Refusal> {
    let value = written.to_value();
    let verdict = ruling.judge(subject, value.as_ref(), state);
    verdict.map_err(|violation| Refusal::Rule {
        reason: violation.to_string().into(),
    })
}
