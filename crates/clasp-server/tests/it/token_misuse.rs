//! What nobody can make of the token that it holds: more rights, somebody else's name, more time than was left to it.

use clasp_server::AppConfigFile;
use serde_json::json;

use crate::auth_port::{Port, rules};

const STRICT: &str = r#"{"strict_read":true,"scopes":["write:/mail/**"]}"#;

/// A scope to read is not within one to write where reading is strict.
#[tokio::test]
async fn who_may_write_cannot_ask_to_read_where_reading_is_strict() {
    let port = Port::start_with(|config, folder| {
        config.app_config = AppConfigFile::At(rules(folder, STRICT));
    })
    .await;
    let wish = r#""scopes":["read:/mail/**","emit:/mail/a"]"#;
    let guest = port.post("/auth/guest", &format!("{{{wish}}}")).await;
    let account = format!(r#"{{"username":"alice","password":"secret1",{wish}}}"#);
    let registered = port.post("/auth/register", &account).await;
    let logged_in = port.post("/auth/login", &account).await;
    for answer in [guest, registered, logged_in] {
        assert_eq!(answer.scopes(), ["emit:/mail/a"]);
    }
    let writer = port.post("/auth/guest", "{}").await.text("token");
    for (scope, status) in [("read:/mail/1", 403), ("write:/mail/1", 200)] {
        let child = json!({ "scopes": [scope] }).to_string();
        let answer = port.post_as(&writer, "/auth/register", &child).await;
        assert_eq!(answer.status, status, "{scope}: {answer:?}");
    }
    // An administrator decides itself.
    let granted = port
        .post_as(
            &port.admin,
            "/api/tokens",
            r#"{"scopes":["read:/mail/**"]}"#,
        )
        .await;
    assert_eq!(granted.scopes(), ["read:/mail/**"]);
}
