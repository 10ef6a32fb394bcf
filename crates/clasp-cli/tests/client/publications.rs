//! Events, streams, gestures and timelines.

use std::time::Duration;

use clasp_client::Client;
use clasp_proto::{Easing, Keyframe, Phase, Signal, Timeline, Value};

use crate::harness::{Router, update};

#[tokio::test]
async fn every_kind_arrives_as_what_it_is() {
    let router = Router::start().await;
    let reader = router.client().await;
    let writer = router.client().await;
    let mut subscription = reader.subscribe("/x/**").await.unwrap();
    writer.emit("/x/event", "go").await.unwrap();
    writer.stream("/x/stream", 0.5).await.unwrap();
    let event = update(&mut subscription).await;
    assert_eq!(
        (event.signal, event.value),
        (Signal::Event, Value::from("go"))
    );
    assert!(event.timestamp.is_some() && event.revision.is_none() && !event.from_snapshot);
    let stream = update(&mut subscription).await;
    assert_eq!(
        (stream.signal, stream.value),
        (Signal::Stream, Value::Float(0.5))
    );
}

#[tokio::test]
async fn gestures_keep_phase_and_id_and_are_not_echoed() {
    let router = Router::start().await;
    let reader = router.client().await;
    let writer = router.client().await;
    let mut subscription = reader.subscribe("/fader").await.unwrap();
    let mut own = writer.subscribe("/**").await.unwrap();
    let gesture = writer.gesture("/fader");
    let id = gesture.id();
    gesture.start(0).await.unwrap();
    gesture.move_to(1).await.unwrap();
    gesture.end(2).await.unwrap();
    let cancelled = writer.gesture("/fader");
    assert_ne!(cancelled.id(), id);
    cancelled.start(3).await.unwrap();
    cancelled.cancel().await.unwrap();
    let mut phases = Vec::new();
    while phases.last() != Some(&(Phase::Cancel, Value::Null)) {
        let update = update(&mut subscription).await;
        assert_eq!(update.signal, Signal::Gesture);
        phases.push((update.phase.expect("gestures have a phase"), update.value));
    }
    let expected = [
        (Phase::Start, Value::Int(0)),
        (Phase::Move, Value::Int(1)),
        (Phase::End, Value::Int(2)),
        (Phase::Start, Value::Int(3)),
        (Phase::Cancel, Value::Null),
    ];
    assert_eq!(phases, expected);
    writer.sync().await.unwrap();
    assert_eq!(own.try_next(), None);
}

#[tokio::test]
async fn a_timeline_travels_as_the_value() {
    let router = Router::start().await;
    let reader = router.client().await;
    let writer = router.client().await;
    let mut subscription = reader.subscribe("/fade").await.unwrap();
    let keyframe = |time, value| Keyframe {
        time,
        value,
        easing: Easing::EaseIn,
        bezier: None,
    };
    let timeline = Timeline {
        keyframes: vec![
            keyframe(0, Value::Float(0.0)),
            keyframe(1_000_000, Value::Float(1.0)),
        ],
        looping: true,
        ..Timeline::default()
    };
    writer.timeline("/fade", &timeline).await.unwrap();
    let update = update(&mut subscription).await;
    assert_eq!(update.signal, Signal::Timeline);
    assert_eq!(Timeline::from_value(&update.value), Ok(timeline));
}

#[tokio::test]
async fn an_emit_that_was_dropped_is_not_reported_as_sent() {
    let router = Router::with(|config| config.messages_per_second = 100).await;
    let reader = router.client().await;
    // A barrier that is dropped too leaves its calls to their timeout.
    let writer = Client::builder(&router.url()).call_timeout(Duration::from_secs(1));
    let writer = writer.connect().await.unwrap();
    let mut subscription = reader.subscribe("/x/**").await.unwrap();
    let calls: Vec<_> = (0..400)
        .map(|value| {
            let writer = writer.clone();
            tokio::spawn(async move { writer.emit("/x/event", value).await })
        })
        .collect();
    let mut accepted = 0;
    for call in calls {
        accepted += usize::from(call.await.unwrap().is_ok());
    }
    reader.sync().await.unwrap();
    let delivered = std::iter::from_fn(|| subscription.try_next()).count();
    assert!(
        accepted <= delivered,
        "{accepted} accepted, {delivered} delivered"
    );
}
