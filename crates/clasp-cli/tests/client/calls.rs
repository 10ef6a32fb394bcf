//! Calls and their answers.

use std::time::Duration;

use clasp_client::ClientError;
use clasp_proto::{Code, Signal, SignalDefinition, Value};

use crate::harness::{Router, refusal, soon};

#[tokio::test]
async fn set_answers_the_revision_and_get_the_param() {
    let router = Router::start().await;
    let client = router.client().await;
    assert_eq!(client.set("/a", 1).await.unwrap(), 1);
    assert_eq!(client.set("/a", 2.5).await.unwrap(), 2);
    let param = client.get("/a").await.unwrap().expect("it was set");
    assert_eq!((param.value, param.revision), (Value::Float(2.5), 2));
    assert_eq!(param.writer, Some(client.session()));
    assert_eq!(client.get("/b").await.unwrap(), None);
}

#[tokio::test]
async fn each_call_gets_its_own_answer_among_many() {
    let router = Router::start().await;
    let client = router.client().await;
    let sets = (0..500_u32).map(|index| {
        let client = client.clone();
        async move {
            let address = format!("/a/{}", index % 7);
            client.set(&address, index).await
        }
    });
    let revisions = soon(all(sets)).await;
    // Sets of one address are answered in the order they were sent.
    for (index, revision) in revisions.into_iter().enumerate() {
        assert_eq!(revision.unwrap(), index as u64 / 7 + 1, "{index}");
    }
}

#[tokio::test]
async fn refusals_reach_the_call_they_are_about() {
    let router = Router::start().await;
    let holder = router.client().await;
    let other = router.client().await;
    holder.set("/a", 1).lock().await.unwrap();
    let (locked, free, missing) = tokio::join!(
        other.set("/a", 2),
        other.set("/b", 2),
        other.get("/missing"),
    );
    assert_eq!(refusal(locked), Some(Code::LockHeld));
    assert_eq!((free.unwrap(), missing.unwrap()), (1, None));
    assert_eq!(
        refusal(other.set("/a", 2).unlock().await),
        Some(Code::LockHeld)
    );
    assert_eq!(
        refusal(other.set("/b", 3).revision(7).await),
        Some(Code::RevisionConflict)
    );
    assert_eq!(
        refusal(other.set("/b", 3).revision(0).await),
        Some(Code::RevisionConflict)
    );
    assert_eq!(other.set("/b", 3).revision(1).await.unwrap(), 2);
    holder.set("/a", 2).unlock().await.unwrap();
    assert_eq!(other.set("/a", 3).await.unwrap(), 3);
}

#[tokio::test]
async fn locks_end_with_the_session_of_their_holder() {
    let router = Router::start().await;
    let holder = router.client().await;
    let other = router.client().await;
    holder.set("/a", 1).lock().await.unwrap();
    assert_eq!(refusal(other.set("/a", 2).await), Some(Code::LockHeld));
    soon(holder.close()).await;
    soon(async { while other.set("/a", 2).await.is_err() {} }).await;
}

#[tokio::test]
async fn what_cannot_be_sent_fails_before_it_is_sent() {
    let router = Router::start().await;
    let client = router.client().await;
    assert!(matches!(
        client.set("a", 1).await,
        Err(ClientError::Address(_))
    ));
    assert!(matches!(
        client.emit("/a/*", 1).await,
        Err(ClientError::Address(_))
    ));
    assert!(matches!(
        client.subscribe("a").await,
        Err(ClientError::Pattern(_))
    ));
    let large = vec![0; 70_000];
    assert!(matches!(
        client.set("/a", large).await,
        Err(ClientError::Encode(_))
    ));
    assert_eq!(client.set("/a", vec![0; 60_000]).await.unwrap(), 1);
}

#[tokio::test]
async fn bundles_are_done_together_or_not_at_all() {
    let router = Router::start().await;
    let client = router.client().await;
    let other = router.client().await;
    let done = client.bundle().set("/a", 1).set("/b", 2).emit("/e", 3);
    assert_eq!(done.send().await.unwrap(), Some(1));
    other.set("/b", 3).lock().await.unwrap();
    let refused = client.bundle().set("/a", 4).set("/b", 4).send().await;
    let Err(ClientError::Refused(refused)) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        (refused.code, refused.address.as_deref()),
        (Code::LockHeld.number(), Some("/b"))
    );
    let param = client.get("/a").await.unwrap().expect("it was set");
    assert_eq!(param.value, Value::Int(1));
}

#[tokio::test]
async fn a_bundle_is_done_when_its_time_has_come() {
    let router = Router::start().await;
    let client = router.client().await;
    client.sync().await.unwrap();
    let at = client.router_time() + 200_000;
    client.bundle().set("/a", 1).at(at).send().await.unwrap();
    let param = client.get("/a").await.unwrap().expect("it was set");
    let late = param
        .timestamp
        .expect("params have a time")
        .saturating_sub(at);
    assert!(
        client.router_time() >= at && late < 5_000_000,
        "{late} us late"
    );
}

#[tokio::test]
async fn announced_signals_are_found_by_query() {
    let router = Router::start().await;
    let client = router.client().await;
    // More than one RESULT can carry.
    let address = |index| format!("/devices/{index}/{}", "x".repeat(100));
    let signals = |range: std::ops::Range<u32>| {
        let signal = |index| SignalDefinition {
            address: address(index),
            signal: Signal::Stream,
            datatype: Some("f64".to_owned()),
            access: None,
            meta: None,
        };
        range.map(signal).collect::<Vec<_>>()
    };
    client.announce("/devices", signals(0..500)).await.unwrap();
    client
        .announce("/devices", signals(500..1000))
        .await
        .unwrap();
    let (all, one, none) = tokio::join!(
        client.query("/devices/**"),
        client.query("/devices/7/*"),
        client.query("/nothing/**"),
    );
    assert_eq!(all.unwrap().len(), 1000);
    assert_eq!(one.unwrap(), signals(7..8));
    assert_eq!(none.unwrap(), []);
}

#[tokio::test]
async fn sync_reads_the_clock_of_the_router() {
    let router = Router::start().await;
    let client = router.client().await;
    for _ in 0..10 {
        client.sync().await.unwrap();
    }
    let reading = client.clock();
    // Both clocks are the same one.
    assert!(reading.offset_us.abs() < 1_000_000.0, "{reading:?}");
    assert!(
        reading.round_trip_us > 0.0 && reading.quality > 0.2,
        "{reading:?}"
    );
}

#[tokio::test]
async fn a_call_without_an_answer_ends_with_its_time() {
    let router = Router::with(|config| config.messages_per_second = 5).await;
    let builder = clasp_client::Client::builder(&router.url());
    let client = builder
        .call_timeout(Duration::from_millis(400))
        .connect()
        .await
        .unwrap();
    let outcomes = soon(all((0..30).map(|_| {
        let client = client.clone();
        async move { client.set("/a", 1).await }
    })));
    let outcomes = outcomes.await;
    let refused = |outcome: &Result<u64, ClientError>| match outcome {
        Err(ClientError::Refused(refusal)) => refusal.is(Code::RateLimited),
        _ => false,
    };
    assert!(outcomes[0].is_ok(), "{outcomes:?}");
    assert!(outcomes.iter().any(refused), "{outcomes:?}");
    assert!(
        matches!(outcomes.last(), Some(Err(ClientError::Timeout { .. }))),
        "{outcomes:?}"
    );
    // Answers that never came do not shift those that do.
    let recovered = async {
        loop {
            if let Ok(revision) = client.set("/b", 1).await {
                return revision;
            }
        }
    };
    assert!(soon(recovered).await >= 1);
}

/// Runs futures at the same time, started in their order.
async fn all<F: Future>(futures: impl Iterator<Item = F>) -> Vec<F::Output> {
    let mut running: Vec<_> = futures.map(Box::pin).collect();
    let mut done: Vec<Option<F::Output>> = running.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, done) in running.iter_mut().zip(&mut done) {
            if done.is_none()
                && let std::task::Poll::Ready(output) = future.as_mut().poll(context)
            {
                *done = Some(output);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}
