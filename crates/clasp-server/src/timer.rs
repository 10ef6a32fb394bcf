//! Timer: sleeps until the router's next deadline, and lets it do what is due.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use clasp_router::Work;
use tokio::time::{Instant, sleep_until};

use crate::shared::Shared;

/// Runs for as long as the server does.
pub(crate) async fn run(shared: Arc<Shared>) {
    let mut work = Work::default();
    loop {
        wait(&shared).await;
        shared.router.advance(shared.clock.now(), &mut work);
        shared.metrics.add_work(&mut work);
    }
}

/// Waits until the router has something to do. An earlier deadline that is set meanwhile wakes this task.
async fn wait(shared: &Shared) {
    let mut sleep = pin!(sleep_until(far_future()));
    poll_fn(|cx| {
        let Some(deadline) = shared.router.deadline(cx.waker()) else {
            return Poll::Pending;
        };
        if deadline <= shared.clock.tick() {
            return Poll::Ready(());
        }
        let at = shared
            .clock
            .instant(deadline)
            .map_or_else(far_future, Instant::from_std);
        if sleep.deadline() != at {
            sleep.as_mut().reset(at);
        }
        sleep.as_mut().poll(cx)
    })
    .await;
}

/// Further than anybody waits, and yet representable.
fn far_future() -> Instant {
    Instant::now() + Duration::from_secs(86_400 * 365)
}
