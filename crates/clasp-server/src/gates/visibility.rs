//! Visibility rules and redaction on every way out.

use std::sync::Arc;

use clasp_proto::Encoded;
use clasp_router::{Gate, Session, Sight, Veil, View};

use super::subject;
use crate::app_config::{self, AppConfig};

/// Asks the visibility rules and the redactions of an application. // protocol/router.md 17.7, 17.8
pub(super) struct Visibility(pub(super) Arc<AppConfig>);

impl Gate for Visibility {
    fn sight(&self) -> Sight {
        match self.0.has_visibility() {
            true => Sight::ByState,
            false => Sight::Open,
        }
    }

    fn veil(&self, address: &str) -> Veil {
        let sight = match self.0.sight(address) {
            app_config::Sight::Open => Sight::Open,
            app_config::Sight::Closed | app_config::Sight::BySubject => Sight::BySession,
            app_config::Sight::ByState => Sight::ByState,
        };
        let is_redacted = self.0.redacts(address);
        Veil { sight, is_redacted }
    }

    fn shows(&self, session: &Session, address: &str, view: &View<'_>) -> bool {
        let state = |address: &str| view.value(address).map(Encoded::to_value);
        self.0.shows(subject(session), address, &state)
    }

    fn leaves_out(&self, address: &str, member: &str) -> bool {
        self.0.takes(address, member)
    }
}
