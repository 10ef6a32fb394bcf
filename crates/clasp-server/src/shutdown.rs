//! Shutdown: how far the end of the server has come, for everybody to ask and to wait for.

use tokio::sync::watch;

/// The end of the server, step by step.
#[derive(Debug)]
pub(crate) struct Shutdown {
    step: watch::Sender<Step>,
}

/// No step is ever taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Step {
    Running,
    /// Nobody new is let in.
    Begun,
    /// Sessions know of it, and end.
    Told,
    /// No session is left.
    Finished,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self {
            step: watch::Sender::new(Step::Running),
        }
    }

    /// Says that the end begins.
    pub(crate) fn begin(&self) {
        self.step.send_replace(Step::Begun);
    }

    /// Says that sessions have been told.
    pub(crate) fn tell(&self) {
        self.step.send_replace(Step::Told);
    }

    /// Says that there are no sessions any more.
    pub(crate) fn finish(&self) {
        self.step.send_replace(Step::Finished);
    }

    pub(crate) fn has_begun(&self) -> bool {
        *self.step.borrow() >= Step::Begun
    }

    /// Waits for the beginning of the end.
    pub(crate) async fn begun(&self) {
        self.reached(Step::Begun).await;
    }

    /// Waits until sessions have been told, from when on they have the time of the drain.
    pub(crate) async fn told(&self) {
        self.reached(Step::Told).await;
    }

    /// Waits until there are no sessions any more.
    pub(crate) async fn finished(&self) {
        self.reached(Step::Finished).await;
    }

    async fn reached(&self, step: Step) {
        let mut steps = self.step.subscribe();
        // The sender lives in `self`, so that it cannot be gone.
        steps.wait_for(|reached| *reached >= step).await.ok();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn everybody_learns_of_it_before_and_after() {
        let shutdown = Shutdown::new();
        assert!(!shutdown.has_begun());
        let give = async { shutdown.begin() };
        tokio::join!(shutdown.begun(), shutdown.begun(), give);
        assert!(shutdown.has_begun());
        shutdown.begun().await;
    }
    #[tokio::test]
    async fn one_step_comes_after_the_other() {
        let shutdown = Shutdown::new();
        shutdown.begin();
        tokio::select! {
            biased;
            () = shutdown.finished() => panic!("it has only begun"),
            () = shutdown.begun() => shutdown.finish(),
        }
        shutdown.finished().await;
        shutdown.begun().await;
        assert!(shutdown.has_begun());
    }
}
