//! Expiry, eviction and what is left of slots, without a router around them.

use clasp_proto::Encoded;

use super::*;
use crate::param::{Param, Stored};
use crate::time::Timestamp;

fn shard() -> Shard {
    Shard::new(DefaultHashBuilder::default())
}

fn put(shard: &mut Shard, address: &str, revision: u64, expires_at: Tick) -> SlotNumber {
    let hash = shard.hasher.hash_one(address);
    let number = shard
        .find(hash, address)
        .unwrap_or_else(|| shard.insert(hash, address));
    let is_new = shard.slot(number).param.is_none();
    let slot = shard.slot_mut(number);
    slot.recent = true;
    slot.param = Some(Param {
        value: Stored::new(Encoded::NULL),
        revision,
        written_at: Timestamp(0),
        writer: "w".into(),
        holder: None,
        ttl: None,
        expires_at,
    });
    if is_new {
        shard.param_added();
    }
    number
}

fn find(shard: &Shard, address: &str) -> Option<SlotNumber> {
    shard.find(shard.hasher.hash_one(address), address)
}

#[test]
fn params_expire_at_their_second_and_rewritten_ones_live_on() {
    let mut shard = shard();
    let second = |count: u64| Tick(count * MICROS_PER_SECOND);
    let early = put(&mut shard, "/early", 7, second(2));
    assert_eq!(shard.schedule_expiry(early), Some(second(2)));
    let late = put(&mut shard, "/late", 3, second(2));
    assert_eq!(
        shard.schedule_expiry(late),
        None,
        "the alarm is set already"
    );
    put(&mut shard, "/late", 4, second(5));
    assert_eq!(
        shard.schedule_expiry(late),
        None,
        "it is looked at when second 2 comes"
    );
    assert_eq!(shard.expire(second(2)), (1, Some(second(5))));
    assert_eq!((find(&shard, "/early"), shard.forgotten()), (None, 7));
    assert_eq!(shard.expire(second(5)), (1, None));
    assert_eq!(
        (shard.params, shard.forgotten()),
        (0, 7),
        "the highest revision is remembered"
    );
    assert!(shard.table.is_empty());
}

#[test]
fn an_earlier_expiry_moves_the_alarm() {
    let mut shard = shard();
    let number = put(&mut shard, "/a", 1, Tick(9 * MICROS_PER_SECOND));
    assert_eq!(
        shard.schedule_expiry(number),
        Some(Tick(9 * MICROS_PER_SECOND))
    );
    put(&mut shard, "/a", 2, Tick(4 * MICROS_PER_SECOND));
    assert_eq!(
        shard.schedule_expiry(number),
        Some(Tick(4 * MICROS_PER_SECOND))
    );
    assert_eq!(shard.due.len(), 1);
    assert_eq!(shard.expire(Tick(4 * MICROS_PER_SECOND)).0, 1);
}

#[test]
fn eviction_takes_what_was_not_written_since_the_last_round() {
    let mut shard = shard();
    for address in ["/a", "/b", "/c"] {
        put(&mut shard, address, 1, Tick::NEVER);
    }
    let new = put(&mut shard, "/d", 1, Tick::NEVER);
    assert!(shard.evict(new));
    assert_eq!(shard.params, 3);
    assert!(find(&shard, "/d").is_some(), "the new one is spared");
    let alone = shard.table.len();
    assert_eq!(alone, 3);
}

#[test]
fn eviction_of_the_only_param_is_refused() {
    let mut shard = shard();
    let only = put(&mut shard, "/a", 1, Tick::NEVER);
    assert!(!shard.evict(only));
}

#[test]
fn slots_without_a_param_are_bounded() {
    let mut shard = shard();
    put(&mut shard, "/kept", 1, Tick::NEVER);
    for number in 0..3 * ROUTE_SLOTS_PER_SHARD_MAX {
        let address = format!("/e/{number}");
        shard.insert(shard.hasher.hash_one(address.as_str()), &address);
        assert!(shard.table.len() <= ROUTE_SLOTS_PER_SHARD_MAX + 1);
    }
    assert!(find(&shard, "/kept").is_some());
}

#[test]
fn each_param_is_listed_once_for_its_expiry() {
    let mut shard = shard();
    let second = |count: u64| Tick(count * MICROS_PER_SECOND);
    for round in 0..20_000 {
        // One that expires earlier with each write, and one that comes and goes.
        let earlier = put(&mut shard, "/earlier", round + 1, second(1_000_000 - round));
        shard.schedule_expiry(earlier);
        let brief = put(&mut shard, &format!("/{round}"), 1, second(3600));
        shard.schedule_expiry(brief);
        shard.forget(brief);
        assert_eq!(shard.due.len(), shard.params);
    }
    let last = put(&mut shard, "/last", 1, second(3600));
    shard.schedule_expiry(last);
    let (gone, next) = shard.expire(second(3600));
    assert_eq!((gone, find(&shard, "/last")), (1, None));
    assert!(next.is_some(), "the other one is still listed");
}
