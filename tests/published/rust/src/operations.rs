//! What the suite can ask of the published client; each operation is one call of its API.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clasp_client::prelude::{
    Clasp, EasingType, GesturePhase, Message, SignalType, TimelineData, TimelineKeyframe, Value,
};
use clasp_core::{PublishMessage, SetMessage};
use serde_json::{Value as Json, json};

use crate::send;
use crate::tagged::{from_tagged, to_tagged};

type Outcome = Result<Json, Box<dyn Error + Send + Sync>>;

#[derive(Default)]
pub struct Agent {
    clients: Mutex<HashMap<String, Session>>,
}

#[derive(Clone)]
struct Session {
    link: Arc<Clasp>,
    subscriptions: Arc<Mutex<HashMap<String, u32>>>,
}

impl Agent {
    pub async fn perform(&self, request: &Json) -> Outcome {
        let operation = text(request, "op");
        if operation == "connect" {
            return self.connect(request).await;
        }
        let Some(session) = self.session(text(request, "client")) else {
            return Err("no such client".into());
        };
        let link = &session.link;
        let address = text(request, "address");
        let value = || from_tagged(&request["value"]);
        match operation {
            "state" => {
                return Ok(json!({"connected": link.is_connected(), "session": link.session_id()}));
            }
            "subscribe" => session.subscribe(request).await?,
            "unsubscribe" => session.unsubscribe(text(request, "label")).await?,
            "set" => link.set(address, value()).await?,
            "set_locked" => link.set_locked(address, value()).await?,
            "set_unlocked" => link.set_unlocked(address, value()).await?,
            "emit" => link.emit(address, value()).await?,
            "stream" => link.stream(address, value()).await?,
            "gesture" => gesture(link, request).await?,
            "gesture_run" => return gesture_run(link, request).await,
            "timeline" => link.timeline(address, rising()).await?,
            "bundle" => return bundle(link, request).await,
            "get" => return Ok(json!({"value": to_tagged(&link.get(address).await?)})),
            "cached" => return Ok(cached(link, address)),
            "count_cached" => return Ok(count_cached(link, request)),
            "refusals" => return Ok(refusals(link)),
            "close" => self.close(text(request, "client")).await,
            other => return Err(format!("no such operation: {other}").into()),
        }
        Ok(Json::Null)
    }

    async fn connect(&self, request: &Json) -> Outcome {
        let mut builder = Clasp::builder(text(request, "url")).reconnect(false);
        if let Some(token) = request["token"].as_str() {
            builder = builder.token(token);
        }
        if let Some(interval_ms) = request["reconnect_ms"].as_u64() {
            builder = builder.reconnect(true).reconnect_interval(interval_ms);
        }
        let within = Duration::from_millis(request["within_ms"].as_u64().unwrap_or(5000));
        let started = Instant::now();
        let connected = tokio::time::timeout(within, builder.connect()).await;
        let ms = started.elapsed().as_millis() as u64;
        let failed = |reason: String| json!({"connected": false, "reason": reason, "ms": ms});
        let link = match connected {
            Err(_) => return Ok(failed("no answer".to_owned())),
            Ok(Err(error)) => return Ok(failed(error.to_string())),
            Ok(Ok(link)) => Arc::new(link),
        };
        if request["reconnect_ms"].is_u64() {
            link.start_reconnect_loop();
        }
        let reply = json!({"connected": true, "session": link.session_id(), "ms": ms});
        let session = Session {
            link,
            subscriptions: Arc::default(),
        };
        lock(&self.clients).insert(text(request, "client").to_owned(), session);
        Ok(reply)
    }

    fn session(&self, client: &str) -> Option<Session> {
        lock(&self.clients).get(client).cloned()
    }

    async fn close(&self, client: &str) {
        let session = lock(&self.clients).remove(client);
        if let Some(session) = session {
            session.link.close().await;
        }
    }
}

impl Session {
    async fn subscribe(&self, request: &Json) -> Result<(), clasp_client::ClientError> {
        let (client, label) = (request["client"].clone(), request["label"].clone());
        let update = move |value: Value, address: &str| {
            send(&json!({
                "event": "update", "client": client, "label": label, "address": address,
                "value": to_tagged(&value), "at_us": wall_clock_us(),
            }));
        };
        let id = self
            .link
            .subscribe(text(request, "pattern"), update)
            .await?;
        lock(&self.subscriptions).insert(text(request, "label").to_owned(), id);
        Ok(())
    }

    async fn unsubscribe(&self, label: &str) -> Result<(), clasp_client::ClientError> {
        let id = lock(&self.subscriptions).remove(label);
        match id {
            Some(id) => self.link.unsubscribe(id).await,
            None => Ok(()),
        }
    }
}

async fn gesture(link: &Clasp, request: &Json) -> Result<(), clasp_client::ClientError> {
    let phase = match text(request, "phase") {
        "start" => GesturePhase::Start,
        "move" => GesturePhase::Move,
        "end" => GesturePhase::End,
        _ => GesturePhase::Cancel,
    };
    link.gesture(
        text(request, "address"),
        number(request, "gesture") as u32,
        phase,
        from_tagged(&request["value"]),
    )
    .await
}

async fn gesture_run(link: &Clasp, request: &Json) -> Outcome {
    let (address, id) = (text(request, "address"), number(request, "gesture") as u32);
    let moves = number(request, "moves") as i64;
    let interval = Duration::from_secs_f64(1.0 / number(request, "hertz"));
    let step = |n: i64| Value::Map([("n".to_owned(), Value::Int(n))].into());
    let started = tokio::time::Instant::now();
    link.gesture(address, id, GesturePhase::Start, step(0))
        .await?;
    for n in 1..=moves {
        tokio::time::sleep_until(started + interval * n as u32).await;
        link.gesture(address, id, GesturePhase::Move, step(n))
            .await?;
    }
    let ms = started.elapsed().as_millis() as u64;
    link.gesture(address, id, GesturePhase::End, step(moves + 1))
        .await?;
    Ok(json!({"ms": ms}))
}

async fn bundle(link: &Clasp, request: &Json) -> Outcome {
    let members = request["members"]
        .as_array()
        .into_iter()
        .flatten()
        .map(member)
        .collect();
    let Some(delay_ms) = request["at_ms"].as_u64() else {
        link.bundle(members).await?;
        return Ok(json!({"at_us": null}));
    };
    let at_us = link.time() + delay_ms * 1000;
    link.bundle_at(members, at_us).await?;
    Ok(json!({"at_us": at_us}))
}

fn member(member: &Json) -> Message {
    let address = member[1].as_str().unwrap_or_default().to_owned();
    match member[0].as_str() {
        Some("set") => Message::Set(SetMessage {
            address,
            value: from_tagged(&member[2]),
            revision: None,
            lock: false,
            unlock: false,
            ttl: None,
        }),
        Some("samples") => Message::Publish(publish(
            address,
            SignalType::Stream,
            None,
            Some(samples(&member[2])),
        )),
        _ => Message::Publish(publish(
            address,
            SignalType::Event,
            Some(from_tagged(&member[2])),
            None,
        )),
    }
}

fn publish(
    address: String,
    signal: SignalType,
    payload: Option<Value>,
    samples: Option<Vec<f64>>,
) -> PublishMessage {
    PublishMessage {
        address,
        signal: Some(signal),
        value: None,
        payload,
        samples,
        rate: None,
        id: None,
        phase: None,
        timestamp: None,
        timeline: None,
    }
}

fn samples(list: &Json) -> Vec<f64> {
    list.as_array()
        .into_iter()
        .flatten()
        .filter_map(Json::as_f64)
        .collect()
}

fn rising() -> TimelineData {
    let keyframe = |time, value| TimelineKeyframe {
        time,
        value: Value::Float(value),
        easing: EasingType::Linear,
        bezier: None,
    };
    TimelineData::new(vec![keyframe(0, 0.0), keyframe(1_000_000, 1.0)])
}

fn cached(link: &Clasp, address: &str) -> Json {
    match link.cached(address) {
        Some(value) => json!({"found": true, "value": to_tagged(&value)}),
        None => json!({"found": false}),
    }
}

fn count_cached(link: &Clasp, request: &Json) -> Json {
    let prefix = text(request, "prefix");
    let holds = |n: &i64| match link.cached(&format!("{prefix}{n:04}")) {
        Some(Value::Int(value)) => value == *n,
        Some(Value::Float(value)) => value == *n as f64,
        _ => false,
    };
    let count = number(request, "count") as i64;
    json!({"held": (0..count).filter(holds).count()})
}

fn refusals(link: &Clasp) -> Json {
    let last = link.last_error();
    let last = last.map(
        |error| json!({"code": error.code, "message": error.message, "address": error.address}),
    );
    json!({"count": null, "last": last})
}

fn wall_clock_us() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as u64)
}

fn text<'a>(request: &'a Json, key: &str) -> &'a str {
    request[key].as_str().unwrap_or_default()
}

fn number(request: &Json, key: &str) -> f64 {
    request[key].as_f64().unwrap_or_default()
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
