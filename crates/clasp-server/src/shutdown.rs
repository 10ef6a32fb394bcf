//! Shutdown: a signal that is given once and that everybody can wait for.

use tokio::sync::watch;

/// Whether the server is shutting down.
#[derive(Debug)]
pub(crate) struct Shutdown {
    begun: watch::Sender<bool>,
}

impl Shutdown {
    pub(crate) fn new() -> Self {
        Self {
            begun: watch::Sender::new(false),
        }
    }

    /// Gives the signal; it cannot be taken back.
    pub(crate) fn begin(&self) {
        self.begun.send_replace(true);
    }

    pub(crate) fn has_begun(&self) -> bool {
        *self.begun.borrow()
    }

    /// Waits for the signal.
    pub(crate) async fn begun(&self) {
        let mut begun = self.begun.subscribe();
        // The sender lives in `self`, so that it cannot be gone.
        begun.wait_for(|begun| *begun).await.ok();
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
}
