//! Random histories: what is read is what was appended, and what is found is what a slow obvious search finds.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_history_comes_back_and_is_found(
        drafts in prop::collection::vec(draft(), 1..400),
        text in pattern_text(),
        bounds in (0_u64..2000, 0_u64..2000, 0_u64..300, 0_usize..50),
    ) {
        let history = number(&drafts);
        let files = Files::new();
        for part in history.chunks(150) {
            let open = files.open();
            open.keep(part);
            open.journal.close().unwrap();
        }
        let open = files.open();
        prop_assert_eq!(&open.scan(0), &history);

        let pattern = pattern(&text);
        let (from, span, after_sequence, limit) = bounds;
        let query = Query {
            pattern: &pattern,
            from_us: Some(from),
            to_us: Some(from + span),
            after_sequence,
            limit,
            signals: (limit % 2 == 0).then_some(&[Signal::Param, Signal::Event]),
        };
        let visible = |entry: &Entry| !entry.sequence.is_multiple_of(7);
        let reader = open.journal.reader().unwrap();
        let found = reader.query(&query, &mut { visible }).unwrap();
        prop_assert_eq!(found, obvious(&history, &query, visible));
        prop_assert_eq!(verify(&files.path).unwrap().faults, []);

        // Exported and read again it is the same; numbers, times and authors included.
        let mut lines = Vec::new();
        reader.export(&mut lines).unwrap();
        let again = files.folder.path().join("again.db");
        prop_assert_eq!(import(&mut lines.as_slice(), &again).unwrap(), history.len() as u64);
        let again: Result<Vec<_>, _> = Reader::open(&again).unwrap().scan(0).collect();
        prop_assert_eq!(again.unwrap(), history);
    }
}

fn obvious(
    history: &[OwnedRecord],
    query: &Query<'_>,
    visible: impl Fn(&Entry) -> bool,
) -> Vec<Entry> {
    let entries = history.iter().flat_map(|record| {
        let numbered = (record.first_sequence()..).zip(&record.writes);
        numbered.map(|(sequence, write)| Entry {
            sequence,
            record: record.sequence,
            at_us: record.at_us,
            author: record.author.clone(),
            signal: write.signal.unwrap_or(Signal::Param),
            payload: write.payload.clone(),
        })
    });
    let address = |entry: &Entry| match clasp_proto::binary::decode(&entry.payload).unwrap() {
        clasp_proto::Message::Set(set) => set.address,
        clasp_proto::Message::Publish(publish) => publish.address,
        other => panic!("{other:?}"),
    };
    entries
        .filter(|entry| query.from_us <= Some(entry.at_us) && Some(entry.at_us) <= query.to_us)
        .filter(|entry| entry.sequence > query.after_sequence)
        .filter(|entry| {
            query
                .signals
                .is_none_or(|signals| signals.contains(&entry.signal))
        })
        .filter(|entry| query.pattern.matches(&address(entry)))
        .filter(visible)
        .take(query.limit)
        .collect()
}

/// A record without its number: time, author and writes.
type Draft = (u64, String, Vec<(String, u8, usize)>);

fn number(drafts: &[Draft]) -> Vec<OwnedRecord> {
    let mut sequence = 0;
    let number = |(at_us, author, writes): &Draft| {
        sequence += writes.len() as u64;
        let write = |(address, kind, bytes): &(String, u8, usize)| match kind {
            0..4 => set(
                address,
                &Value::Bytes(vec![*kind; *bytes]),
                u64::from(*kind),
            ),
            kind => publish(address, Signal::ALL[usize::from(kind - 4)]),
        };
        OwnedRecord {
            sequence,
            at_us: *at_us,
            author: author.as_str().into(),
            writes: writes.iter().map(write).collect(),
        }
    };
    drafts.iter().map(number).collect()
}

fn draft() -> impl Strategy<Value = Draft> {
    // Times go back and forth, and some records are larger than a batch has to be.
    let bytes = prop_oneof![20 => 0_usize..64, 1 => 20_000_usize..60_000];
    let write = (address(), 0_u8..9, bytes).boxed();
    let writes = prop_oneof![
        5 => prop::collection::vec(write.clone(), 1),
        1 => prop::collection::vec(write, 2..5),
    ];
    (0_u64..4000, "[a-c]{0,2}", writes)
}

fn address() -> impl Strategy<Value = String> {
    prop::collection::vec("[abAB_%]{1,2}", 1..4)
        .prop_map(|segments| format!("/{}", segments.join("/")))
}

fn pattern_text() -> impl Strategy<Value = String> {
    let segment = prop_oneof![3 => "[abAB_%]{1,2}", 1 => Just("*".to_owned()), 1 => Just("**".to_owned()), 1 => "[ab]\\*[AB]?"];
    prop::collection::vec(segment, 1..4).prop_map(|segments| format!("/{}", segments.join("/")))
}
