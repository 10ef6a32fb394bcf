//! Subscriptions: who is told what, and what slow readers miss.

use clasp_client::limits::{SUBSCRIPTION_QUEUE_MAX, SUBSCRIPTIONS_MAX};
use clasp_client::{Client, ClientError};
use clasp_proto::{Publish, Signal, TypeMask, Value};

use crate::harness::{Router, next, soon, update};

#[tokio::test]
async fn what_is_known_comes_first_and_once() {
    let router = Router::start().await;
    let writer = router.client().await;
    writer.set("/a/1", 1).await.unwrap();
    let reader = router.client().await;
    let mut subscription = reader.subscribe("/a/**").await.unwrap();
    let first = update(&mut subscription).await;
    assert_eq!((first.value, first.revision), (Value::Int(1), Some(1)));
    assert!(first.from_snapshot);
    writer.set("/a/1", 2).await.unwrap();
    let second = update(&mut subscription).await;
    assert_eq!(
        (second.value, second.revision, second.from_snapshot),
        (Value::Int(2), Some(2), false)
    );
    assert_eq!(
        reader.cached("/a/1").expect("it was told").value,
        Value::Int(2)
    );
    let mut late = reader.subscribe("/a/*").await.unwrap();
    assert_eq!(next(&mut late).await.1, Value::Int(2));
    reader.sync().await.unwrap();
    assert_eq!((subscription.try_next(), late.try_next()), (None, None));
}

#[tokio::test]
async fn the_cache_is_filled_without_a_subscription() {
    let router = Router::start().await;
    let writer = router.client().await;
    for index in 0..2000 {
        let address = format!("/params/{index}/{}", "x".repeat(30));
        writer.set_unconfirmed(&address, index).await.unwrap();
    }
    writer.sync().await.unwrap();
    let reader = router.client().await;
    let address = |index| format!("/params/{index}/{}", "x".repeat(30));
    soon(async {
        while (0..2000).any(|index| reader.cached(&address(index)).is_none()) {
            reader.sync().await.unwrap();
        }
    })
    .await;
}

#[tokio::test]
async fn types_and_options_limit_what_comes() {
    let router = Router::start().await;
    let writer = router.client().await;
    let reader = router.client().await;
    let events = TypeMask::of(&[Signal::Event]);
    let mut events = reader.subscribe("/a/**").types(events).await.unwrap();
    let mut coarse = router
        .client()
        .await
        .subscribe("/n")
        .epsilon(1.0)
        .await
        .unwrap();
    writer.set("/a/1", 1).await.unwrap();
    writer.emit("/a/2", 2).await.unwrap();
    assert_eq!(next(&mut events).await, ("/a/2".to_owned(), Value::Int(2)));
    for value in [0.0, 0.5, 0.9, 2.0] {
        writer.set("/n", value).await.unwrap();
    }
    assert_eq!(next(&mut coarse).await.1, Value::Float(0.0));
    assert_eq!(next(&mut coarse).await.1, Value::Float(2.0));
}

#[tokio::test]
async fn a_rate_limits_how_often_and_the_last_value_arrives() {
    let router = Router::start().await;
    let writer = router.client().await;
    let reader = router.client().await;
    let mut rare = reader.subscribe("/n").max_rate(20).await.unwrap();
    for value in 1..=200 {
        writer.set("/n", value).await.unwrap();
    }
    let mut values = Vec::new();
    while values.last() != Some(&200) {
        let (_, value) = next(&mut rare).await;
        values.push(value.as_i64().expect("only whole numbers were sent"));
    }
    assert!(values.is_sorted() && values.len() < 100, "{values:?}");
}

#[tokio::test]
async fn dropping_a_subscription_ends_it() {
    let router = Router::start().await;
    let writer = router.client().await;
    let reader = router.client().await;
    for _ in 0..2 * SUBSCRIPTIONS_MAX {
        drop(reader.subscribe("/a").await.unwrap());
    }
    let mut subscription = reader.subscribe("/a").await.unwrap();
    writer.emit("/a", 1).await.unwrap();
    assert_eq!(next(&mut subscription).await.1, Value::Int(1));
}

#[tokio::test]
async fn one_subscription_more_than_allowed_is_refused_here() {
    let router = Router::start().await;
    let client = router.client().await;
    let mut open = Vec::new();
    for index in 0..SUBSCRIPTIONS_MAX {
        open.push(client.subscribe(&format!("/a/{index}")).await.unwrap());
    }
    let refused = client.subscribe("/b").await;
    assert!(matches!(
        refused,
        Err(ClientError::TooManySubscriptions { .. })
    ));
    open.pop();
    client.subscribe("/b").await.unwrap();
}

#[tokio::test]
async fn a_slow_reader_gets_the_latest_params_and_knows_what_it_missed() {
    let router = Router::start().await;
    let writer = router.client().await;
    let reader = router.client().await;
    let mut subscription = reader.subscribe("/**").await.unwrap();
    let surplus = 500;
    let last = (SUBSCRIPTION_QUEUE_MAX + surplus) as i64;
    for value in 1..=last {
        writer.set_unconfirmed("/param", value).await.unwrap();
    }
    settle(&writer, &reader).await;
    for value in 1..=last {
        let event = Publish {
            address: "/event".to_owned(),
            signal: Some(Signal::Event),
            value: Some(Value::Int(value)),
            ..Publish::default()
        };
        writer.publish_unconfirmed(event).await.unwrap();
    }
    settle(&writer, &reader).await;
    let mut params = Vec::new();
    let mut events = Vec::new();
    while let Some(update) = subscription.try_next() {
        let values = if update.signal == Signal::Param {
            &mut params
        } else {
            &mut events
        };
        values.push(update.value.as_i64().expect("only whole numbers were sent"));
    }
    assert_eq!(params.last(), Some(&last));
    assert!(params.is_sorted() && params.len() <= SUBSCRIPTION_QUEUE_MAX);
    assert_eq!(events, ((surplus as i64 + 1)..=last).collect::<Vec<_>>());
    assert_eq!(
        (subscription.dropped(), subscription.superseded()),
        (surplus as u64, surplus as u64)
    );
}

/// Waits until everything one client sent has reached the other.
async fn settle(writer: &Client, reader: &Client) {
    for client in [writer, reader] {
        client.sync().await.expect("the router answers");
    }
}
