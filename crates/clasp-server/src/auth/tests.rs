//! Tokens of every kind, and what becomes of them.

use std::fs;
use std::path::Path;
use std::time::Duration;

use clasp_auth::cpsk;
use clasp_proto::{Action, Rights};
use clasp_store::{Holder, Token};
use tempfile::TempDir;

use super::*;
use crate::config::Config;
use crate::plan::Plan;

const NOW_S: u64 = 1_700_000_000;

fn now() -> Timestamp {
    Timestamp(NOW_S * accounts::MICROS_PER_SECOND)
}

/// A server that has not begun to serve, with its files in a folder.
fn shared(adjust: impl FnOnce(&mut Config, &Path)) -> (Arc<Shared>, TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let mut config = Config {
        auth_port: Some(0),
        auth_db: folder.path().join("auth.db"),
        ..Config::development()
    };
    adjust(&mut config, folder.path());
    let plan = Plan::new(&config).unwrap();
    (Arc::new(Shared::new(plan).unwrap()), folder)
}

fn write_private(path: &Path, content: &str) {
    fs::write(path, content).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
    }
}

async fn identify(shared: &Shared, token: &str) -> Result<Identity, Denial> {
    shared.authenticator.identify(Some(token), now()).await
}

async fn denial(shared: &Shared, token: &str) -> String {
    identify(shared, token).await.unwrap_err().to_string()
}

/// A token of the database that expires then.
async fn issued(shared: &Arc<Shared>, expires_at: Option<u64>) -> String {
    let token = Token {
        subject: Some("u-1".to_owned()),
        expires_at,
        ..sign_in::blank(Holder::User, vec!["read:/a".to_owned()], NOW_S)
    };
    let change = move |store: &mut clasp_store::AuthStore, shared: &Shared| {
        accounts::issue(store, shared, token)
    };
    let issued = shared.accounts().change(shared, change).await;
    issued.unwrap().text
}

#[tokio::test]
async fn an_open_server_asks_nobody() {
    let (shared, _folder) = shared(|config, _| config.auth_port = None);
    for token in [None, Some(""), Some("anything")] {
        let identity = shared.authenticator.identify(token, now()).await.unwrap();
        assert_eq!(identity.credential, Credential::None);
        assert_eq!(identity.principal.rights, Rights::Unlimited);
    }
}

// protocol/router.md 2.6, 2.10
#[tokio::test]
async fn what_is_no_token_is_told_in_words_that_clients_know() {
    let (shared, _folder) = shared(|_, _| {});
    let authenticator = &shared.authenticator;
    for token in [None, Some("")] {
        let denial = authenticator.identify(token, now()).await.unwrap_err();
        assert_eq!(
            (denial.to_string().as_str(), denial.code().number()),
            ("Authentication required", 300)
        );
    }
    let none = "Invalid token: no validator accepted the token";
    for (token, expected) in [
        ("cpsk_1", "Invalid token: token not found"),
        ("CPSK_1", none),
        ("something", none),
        // Without an anchor, and without a registry.
        ("cap_AAAA", none),
        ("ent_AAAA", none),
    ] {
        assert_eq!(denial(&shared, token).await, expected, "{token}");
    }
}

#[tokio::test]
async fn the_one_token_of_a_development_server_is_everything() {
    let (shared, _folder) = shared(|config, _| {
        config.auth_port = None;
        config.token = Some("secret".to_owned());
    });
    let identity = identify(&shared, "secret").await.unwrap();
    assert_eq!(identity.credential, Credential::Shared);
    assert_eq!(identity.principal.rights, Rights::Unlimited);
    assert_eq!(
        denial(&shared, "secret2").await,
        "Invalid token: token not found"
    );
    assert!(!format!("{:?}", shared.plan).contains("secret"));
}

#[tokio::test]
async fn tokens_of_the_database_expire_after_their_last_second() {
    let (shared, _folder) = shared(|_, _| {});
    let last = issued(&shared, Some(NOW_S)).await;
    let over = issued(&shared, Some(NOW_S - 1)).await;
    let for_ever = issued(&shared, None).await;
    let identity = identify(&shared, &last).await.unwrap();
    assert_eq!(
        identity.credential,
        Credential::Token(TokenDigest::of(&last))
    );
    assert_eq!(identity.principal.subject.as_deref(), Some("u-1"));
    assert_eq!(identity.principal.expires_at, Some(NOW_S));
    assert!(
        identity.principal.may(Action::Read, "/a") && !identity.principal.may(Action::Read, "/b")
    );
    let expired = identify(&shared, &over).await.unwrap_err();
    assert_eq!(
        (expired.to_string().as_str(), expired.code().number()),
        ("Token has expired", 302)
    );
    assert!(identify(&shared, &for_ever).await.is_ok());
}

#[tokio::test]
async fn a_database_that_is_gone_is_no_reason_to_let_anybody_in() {
    let (shared, _folder) = shared(|_, _| {});
    let token = issued(&shared, None).await;
    shared.authenticator.close();
    let denial = identify(&shared, &token).await.unwrap_err();
    assert_eq!(
        (&denial, denial.code().number()),
        (&Denial::Unavailable, 501)
    );
}

#[tokio::test]
async fn whoever_gives_up_asking_harms_nobody() {
    let (shared, _folder) = shared(|_, _| {});
    let token = issued(&shared, None).await;
    for _ in 0..1000 {
        let asking = identify(&shared, &token);
        let given_up = tokio::time::timeout(Duration::ZERO, asking).await;
        drop(given_up);
    }
    // The queue may be full of questions of nobody for a moment.
    let mut answer = identify(&shared, &token).await;
    while matches!(answer, Err(Denial::Unavailable)) {
        tokio::task::yield_now().await;
        answer = identify(&shared, &token).await;
    }
    assert!(answer.is_ok());
}

fn tokens(token: &str, scopes: &str) -> String {
    format!(
        r#"{{"tokens":{{"{token}":{{"token":"{token}","subject":"lamp","scopes":["{scopes}"],"created_at":1}}}}}}"#
    )
}

#[tokio::test]
async fn a_file_that_changed_is_taken_and_one_that_broke_is_not() {
    let (one, other) = (cpsk::generate(), cpsk::generate());
    let (shared, folder) = shared(|config, folder| {
        let path = folder.join("tokens.json");
        write_private(&path, &tokens(&one, "read:/a"));
        config.token_files = vec![path];
    });
    let path = folder.path().join("tokens.json");
    let revocations = || shared.authenticator.revocations();
    assert!(identify(&shared, &one).await.is_ok());
    assert!(shared.authenticator.is_listed_subject("lamp"));
    watch::reload(&shared);
    assert_eq!(revocations(), 0, "nothing changed");
    for broken in ["", "{", r#"{"tokens":{"x":{}}}"#] {
        write_private(&path, broken);
        watch::reload(&shared);
        assert!(identify(&shared, &one).await.is_ok(), "{broken}");
    }
    fs::remove_file(&path).unwrap();
    watch::reload(&shared);
    assert!(
        identify(&shared, &one).await.is_ok(),
        "the file is not there for a moment"
    );
    assert_eq!(revocations(), 0);
    write_private(&path, &tokens(&one, "read:/b"));
    watch::reload(&shared);
    let identity = identify(&shared, &one).await.unwrap();
    assert!(identity.principal.may(Action::Read, "/b"));
    assert_eq!(revocations(), 1, "its rights are others");
    write_private(&path, &tokens(&other, "read:/b"));
    watch::reload(&shared);
    assert_eq!(
        denial(&shared, &one).await,
        "Invalid token: token not found"
    );
    assert!(identify(&shared, &other).await.is_ok());
    assert_eq!(revocations(), 2);
}

/// A token that was removed once stayed for as long as another file was broken.
#[tokio::test]
async fn a_file_that_broke_holds_no_other_up() {
    let (one, other) = (cpsk::generate(), cpsk::generate());
    let (first, second) = (tokens(&one, "read:/a"), tokens(&other, "read:/b"));
    let (shared, folder) = shared(|config, folder| {
        let files = [("1.json", &first), ("2.json", &second)];
        let paths = files.map(|(name, content)| {
            let path = folder.join(name);
            write_private(&path, content);
            path
        });
        config.token_files = paths.into();
    });
    write_private(&folder.path().join("1.json"), r#"{"tokens":{}}"#);
    write_private(&folder.path().join("2.json"), "{");
    watch::reload(&shared);
    assert!(identify(&shared, &one).await.is_err());
    assert!(identify(&shared, &other).await.is_ok());
}

/// A file that was made readable for its owner only, and not written again, was once not read again.
#[cfg(unix)]
#[test]
fn a_change_of_its_mode_is_a_change_of_a_file() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tokens.json");
    write_private(&path, "{}");
    let before = watch::stamps(std::slice::from_ref(&path));
    assert_eq!(watch::stamps(std::slice::from_ref(&path)), before);
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert_ne!(watch::stamps(std::slice::from_ref(&path)), before);
}

#[tokio::test]
async fn the_admin_token_is_for_everything_and_for_ever() {
    let (shared, folder) = shared(|config, folder| {
        config.admin_token = Some(folder.join("admin.token"));
    });
    let token = fs::read_to_string(folder.path().join("admin.token")).unwrap();
    let identity = identify(&shared, &token).await.unwrap();
    let principal = &identity.principal;
    assert_eq!(principal.subject.as_deref(), Some("admin-bootstrap"));
    assert_eq!(principal.expires_at, None);
    assert!(principal.may_all(Action::Admin, &clasp_proto::Pattern::parse("/**").unwrap()));
    assert!(shared.authenticator.is_listed_subject("admin-bootstrap"));
}

/// Whoever guesses and hangs up has guessed.
#[tokio::test]
async fn what_a_password_comes_to_is_written_down_though_nobody_waits_for_it() {
    let (shared, _folder) = shared(|_, _| {});
    let (started, has_started) = tokio::sync::oneshot::channel();
    let (go, may_go) = std::sync::mpsc::channel::<()>();
    let attempt = clasp_store::Attempt {
        name: [1; 32],
        address: [2; 32],
        pair: [3; 32],
    };
    let limit = clasp_store::FailureLimit {
        failures_max: 1,
        window: Duration::from_secs(60),
    };
    let guess = tokio::spawn({
        let shared = Arc::clone(&shared);
        async move {
            let work = move || {
                started.send(()).unwrap();
                may_go.recv().unwrap();
            };
            let change = move |(), store: &mut clasp_store::AuthStore, _: &Shared| {
                Ok(store.failed(&attempt, limit, NOW_S)?)
            };
            shared
                .accounts()
                .hash_and_change(&shared, work, change)
                .await
        }
    });
    has_started.await.unwrap();
    guess.abort();
    assert!(guess.await.unwrap_err().is_cancelled());
    go.send(()).unwrap();
    let written = async {
        let blocked = move |store: &clasp_store::AuthStore| store.throttled(&attempt, limit, NOW_S);
        while shared.accounts().look_up(blocked).await.unwrap().is_none() {
            tokio::task::yield_now().await;
        }
    };
    let written = tokio::time::timeout(Duration::from_secs(30), written).await;
    assert!(written.is_ok(), "it is not written down");
}
