//! What a fold gives is what the router had, whatever happened before.

use std::sync::Mutex;

use clasp_proto::{Binding, Bundle, Message, Principal, Set, Value};
use clasp_router::{
    Commit, NewSession, Now, Operation, Router, RouterConfig, Session, Strategy, Tap, Tick, Work,
};

use super::*;

/// Notes records as the tap of the journal does.
#[derive(Clone, Default)]
struct Notes(Arc<Mutex<Vec<OwnedRecord>>>);

impl Tap for Notes {
    fn committed(&self, commit: &Commit<'_>) {
        let Some(sequence) = commit.sequence else {
            return;
        };
        let writes = commit.writes.iter().map(|written| {
            let write = super::super::tap::write(written);
            OwnedWrite {
                signal: write.signal,
                payload: write.payload.to_vec(),
            }
        });
        self.0.lock().unwrap().push(OwnedRecord {
            sequence,
            at_us: commit.now.wall.0,
            author: Arc::clone(&commit.session.id),
            writes: writes.collect(),
        });
    }
}

struct Random(u64);

impl Random {
    fn below(&mut self, end: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end
    }

    fn set(&mut self) -> Set {
        let address = match self.below(6) {
            0 => "/merged/a".to_owned(),
            1 => "/highest/a".to_owned(),
            number => format!("/p/{number}"),
        };
        let value = match self.below(3) {
            0 => {
                let key = ["k0", "k1", "k2"][self.below(3) as usize];
                Value::from([(key, Value::from(self.below(9) as i64))])
            }
            1 => Value::from("a text that is longer than what is kept in place"),
            _ => Value::from(self.below(100) as i64),
        };
        let seconds = self.below(3) as u32;
        Set {
            ttl: match self.below(6) {
                0 => Some(Ttl::Never),
                1 => Some(Ttl::Sliding(seconds)),
                2 => Some(Ttl::Absolute(seconds)),
                _ => None,
            },
            revision: (self.below(8) == 0).then(|| self.below(4)),
            lock: self.below(8) == 0,
            unlock: self.below(8) == 0,
            address,
            value,
        }
    }

    fn message(&mut self) -> Message {
        if self.below(4) > 0 {
            return Message::Set(self.set());
        }
        let messages = (0..self.below(4)).map(|_| Message::Set(self.set()));
        Message::Bundle(Bundle {
            timestamp: None,
            messages: messages.collect(),
        })
    }
}

fn submit(router: &Router, session: &Arc<Session>, now: Now, work: &mut Work, message: &Message) {
    let mut payload = Vec::new();
    binary::encode(message, &mut payload).unwrap();
    let mut batch = router.batch(session, now, work);
    // Refusals are part of it.
    match binary::view(&payload).unwrap() {
        MessageRef::Set(set) => drop(batch.submit(&Operation::Set(set))),
        _ => drop(batch.submit(&Operation::Bundle(clasp_router::Bundle {
            payload: &payload,
            wants_ack: false,
        }))),
    }
    batch.finish(None);
}

fn sorted(mut export: Export) -> Export {
    export
        .params
        .sort_unstable_by(|a, b| a.address.cmp(&b.address));
    export
}

fn config(ttl: Option<Duration>) -> RouterConfig {
    let pattern = |text: &str| clasp_proto::Pattern::parse(text).unwrap();
    RouterConfig {
        messages_per_second: 0,
        params_max: 0,
        param_ttl: ttl,
        strategies: vec![
            (pattern("/merged/**"), Strategy::Merge),
            (pattern("/highest/**"), Strategy::Max),
        ],
        ..RouterConfig::default()
    }
}

/// A random history; a snapshot is taken in the middle of it, and all after it is folded.
fn check(seed: u64) {
    let mut random = Random(seed);
    let ttl = [None, Some(Duration::from_secs(2))][random.below(2) as usize];
    let mut now = Now {
        wall: Timestamp(1_700_000_000_000_000),
        tick: Tick(1_000_000),
    };
    let notes = Notes::default();
    let router = Router::new(config(ttl), now).with_tap(Box::new(notes.clone()));
    let sessions: Vec<_> = ["a", "b"]
        .map(|id| NewSession {
            id: id.into(),
            binding: Binding::WebSocket,
            principal: Arc::new(Principal::anybody()),
        })
        .into_iter()
        .map(|new| router.attach(new).unwrap())
        .collect();
    let mut work = Work::default();
    let mut base = Export {
        param_ttl: ttl,
        ..Export::default()
    };
    let steps = random.below(40);
    let snapshot_at = random.below(40);
    for step in 0..steps {
        if step == snapshot_at {
            base = router.export(now);
        }
        if random.below(3) == 0 {
            let micros = random.below(1_500_000);
            now.wall.0 += micros;
            now.tick.0 += micros;
            router.advance(now, &mut work);
        }
        let session = &sessions[random.below(2) as usize];
        submit(&router, session, now, &mut work, &random.message());
    }
    let expected = sorted(router.export(now));
    let mut fold = Fold::new(base.clone(), ttl);
    for record in notes.0.lock().unwrap().iter() {
        if record.sequence > base.sequence {
            fold.apply(record).unwrap();
        }
    }
    let folded = fold.into_export();
    assert_eq!(folded.sequence, expected.sequence, "seed {seed}");
    let (restored, _) = Router::restored(config(ttl), folded, now).unwrap();
    let found = sorted(restored.export(now));
    assert_eq!(found.params, expected.params, "seed {seed}");
    // What is gone is made anew above where it was.
    for write in notes.0.lock().unwrap().iter().flat_map(|it| &it.writes) {
        let Ok(MessageRef::Set(set)) = binary::view(&write.payload) else {
            continue;
        };
        let is_there = found.params.iter().any(|it| *it.address == *set.address);
        let is_remembered = set.revision <= Some(found.forgotten);
        assert!(is_there || is_remembered, "seed {seed}: {}", set.address);
    }
}

// T-DUR-07
#[test]
fn snapshot_and_records_are_the_state() {
    (0..10_000).for_each(check);
}

#[test]
fn another_default_counts_from_the_last_write() {
    let written_at = Timestamp(1_700_000_000_000_000);
    let param = ExportedParam {
        address: "/a".into(),
        value: Stored::new(clasp_proto::Encoded::parse_tagged(&[0]).unwrap().0),
        revision: 1,
        writer: "w".into(),
        written_at,
        ttl: None,
        expires_at: after(written_at, Some(Duration::from_secs(9))),
    };
    let base = Export {
        at: written_at,
        param_ttl: Some(Duration::from_secs(9)),
        params: vec![param],
        ..Export::default()
    };
    for ttl in [
        None,
        Some(Duration::from_secs(9)),
        Some(Duration::from_secs(60)),
    ] {
        let export = Fold::new(base.clone(), ttl).into_export();
        assert_eq!(export.params[0].expires_at, after(written_at, ttl));
        assert_eq!(export.param_ttl, ttl);
    }
}

/// The clock was two hours ahead, and then set back.
#[test]
fn what_came_after_a_clock_was_set_back_is_there() {
    let hours = |hours: u64| 1_700_000_000_000_000 + hours * 3_600_000_000;
    let ttl = Some(Duration::from_secs(60));
    let mut fold = Fold::new(Export::default(), ttl);
    for (sequence, at_us) in [(1, hours(2)), (2, hours(0))] {
        let set = Message::Set(Set {
            address: format!("/{sequence}"),
            revision: Some(1),
            ..Set::default()
        });
        let mut payload = Vec::new();
        binary::encode(&set, &mut payload).unwrap();
        let writes = vec![OwnedWrite {
            signal: None,
            payload,
        }];
        let record = OwnedRecord {
            sequence,
            at_us,
            author: "w".into(),
            writes,
        };
        fold.apply(&record).unwrap();
    }
    let now = Now {
        wall: Timestamp(hours(0) + 1_000_000),
        tick: Tick(0),
    };
    let (restored, _) = Router::restored(config(ttl), fold.into_export(), now).unwrap();
    assert_eq!(restored.params(), 2);
}

#[test]
fn what_is_no_write_is_no_record() {
    let record = |payload: &[u8]| OwnedRecord {
        sequence: 1,
        at_us: 1,
        author: "w".into(),
        writes: vec![OwnedWrite {
            signal: None,
            payload: payload.to_vec(),
        }],
    };
    let mut ping = Vec::new();
    binary::encode(&Message::Ping, &mut ping).unwrap();
    let mut without_revision = Vec::new();
    let set = Message::Set(Set {
        address: "/a".to_owned(),
        value: Value::Null,
        revision: None,
        lock: false,
        unlock: false,
        ttl: None,
    });
    binary::encode(&set, &mut without_revision).unwrap();
    for payload in [&[][..], &[0xFF], &ping, &without_revision] {
        let mut fold = Fold::new(Export::default(), None);
        assert_eq!(fold.apply(&record(payload)), Err(NoWrite), "{payload:?}");
    }
}
