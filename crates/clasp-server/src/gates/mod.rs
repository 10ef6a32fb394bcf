//! Gates of the server: what the router asks the rules of the application.

mod visibility;
mod write_rules;

use std::sync::Arc;

use clasp_router::{Router, Session};

use crate::app_config::AppConfig;
use visibility::Visibility;
use write_rules::WriteRules;

/// The router, asking what the rules have an answer to. Without rules it asks nothing.
pub(crate) fn guarded(router: Router, rules: Option<&Arc<AppConfig>>) -> Router {
    let Some(rules) = rules else {
        return router;
    };
    let router = match rules.has_write_rules() {
        true => router.with_gate(Box::new(WriteRules(Arc::clone(rules)))),
        false => router,
    };
    match rules.has_visibility() || rules.has_redactions() {
        true => router.with_gate(Box::new(Visibility(Arc::clone(rules)))),
        false => router,
    }
}

/// Who a session acts for; empty for one that acts for nobody in particular.
fn subject(session: &Session) -> &str {
    session.principal.subject.as_deref().unwrap_or_default()
}

#[cfg(test)]
mod tests;
