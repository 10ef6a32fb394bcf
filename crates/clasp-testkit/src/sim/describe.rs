//! Messages and steps in one short line each, for who reads a failure.

use std::fmt;

use clasp_proto::{Message, Publish, Set, Subscribe, Value};

use super::workload::{Sent, Step};

struct Brief<'a>(&'a Message);

/// A message in a few words.
pub(super) fn brief(message: &Message) -> String {
    Brief(message).to_string()
}

impl fmt::Display for Brief<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Message::Set(set) => write_set(out, set),
            Message::Publish(publish) => write_publish(out, publish),
            Message::Subscribe(subscribe) => write_subscribe(out, subscribe),
            Message::Get(get) => write!(out, "GET {}", get.address),
            Message::Unsubscribe(unsubscribe) => write!(out, "UNSUBSCRIBE {}", unsubscribe.id),
            Message::Bundle(bundle) => {
                write!(out, "BUNDLE at {:?} [", bundle.timestamp)?;
                for (number, member) in bundle.messages.iter().enumerate() {
                    let comma = if number > 0 { ", " } else { "" };
                    write!(out, "{comma}{}", Brief(member))?;
                }
                write!(out, "]")
            }
            message => write!(out, "{message:?}"),
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Attach { reader, binding } => write!(out, "a {reader:?} session on {binding:?}"),
            Self::Detach(who) => write!(out, "{who} goes"),
            Self::Read(who, bytes) => write!(out, "{who} reads {bytes} bytes"),
            Self::Pass(duration, timer) => write!(out, "{duration} us pass, timer {timer:?}"),
            Self::Send(who, sent) => {
                write!(out, "{who} sends")?;
                for Sent { message, qos } in sent.iter().take(SENT_SHOWN_MAX) {
                    write!(out, "\n         {qos:?}: {}", Brief(message))?;
                }
                Ok(())
            }
        }
    }
}

/// Messages of a step that are shown; more are a crowd.
const SENT_SHOWN_MAX: usize = 40;

fn write_set(out: &mut fmt::Formatter<'_>, set: &Set) -> fmt::Result {
    write!(out, "SET {} = {}", set.address, value(&set.value))?;
    if let Some(revision) = set.revision {
        write!(out, " @{revision}")?;
    }
    if let Some(ttl) = set.ttl {
        write!(out, " {ttl:?}")?;
    }
    write!(
        out,
        "{}{}",
        if set.lock { " lock" } else { "" },
        if set.unlock { " unlock" } else { "" }
    )
}

fn write_publish(out: &mut fmt::Formatter<'_>, publish: &Publish) -> fmt::Result {
    let signal = publish.signal.map_or("no signal", |signal| signal.word());
    write!(out, "PUBLISH {signal} {}", publish.address)?;
    if let Some(id) = publish.id {
        write!(out, " gesture {id} {:?}", publish.phase.unwrap_or_default())?;
    }
    let shown = publish.value.as_ref().map_or_else(String::new, value);
    write!(out, " = {shown} #{}", publish.timestamp.unwrap_or_default())
}

fn write_subscribe(out: &mut fmt::Formatter<'_>, subscribe: &Subscribe) -> fmt::Result {
    let Subscribe {
        id,
        pattern,
        types,
        options,
    } = subscribe;
    write!(out, "SUBSCRIBE {id} {pattern} types {:#x}", types.bits())?;
    write!(
        out,
        " max_rate {:?} epsilon {:?}",
        options.max_rate, options.epsilon
    )
}

fn value(value: &Value) -> String {
    match value {
        Value::Bytes(bytes) => format!("{} bytes of {:?}", bytes.len(), bytes.first()),
        value => format!("{value:?}"),
    }
}
