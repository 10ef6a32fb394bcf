//! A server with an auth port, and somebody who asks it things.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use clasp_proto::{Code, Message};
use clasp_server::{Config, Protocol, Server, StartError};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

use crate::harness::{Client, Running, address, config, hello_with, read_to_end, soon, start};

/// A server whose files are in a folder of its own. It is behind a proxy, so that every request can come from elsewhere.
pub(crate) struct Port {
    pub(crate) server: Running,
    pub(crate) folder: TempDir,
    pub(crate) admin: String,
}

/// What is asked. Everything but the path may be left out.
#[derive(Default)]
pub(crate) struct Asked<'a> {
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    pub(crate) body: &'a str,
    pub(crate) bearer: Option<&'a str>,
    /// Lines with their ends.
    pub(crate) headers: &'a str,
    /// Where it comes from; nothing is from where nobody has asked yet.
    pub(crate) from: Option<&'a str>,
}

/// What is answered.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    /// In small letters.
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {self:?}"))
    }

    /// The status, and what is said of an error.
    pub(crate) fn refusal(&self) -> (u16, String) {
        let error = self.json()["error"].as_str().map(str::to_owned);
        (
            self.status,
            error.unwrap_or_else(|| panic!("no error: {self:?}")),
        )
    }

    /// A text of the object that must have been answered.
    pub(crate) fn text(&self, member: &str) -> String {
        assert!(matches!(self.status, 200 | 201), "{self:?}");
        let json = self.json();
        let text = json[member].as_str();
        text.unwrap_or_else(|| panic!("no {member}: {self:?}"))
            .to_owned()
    }

    pub(crate) fn scopes(&self) -> Vec<String> {
        assert!(matches!(self.status, 200 | 201), "{self:?}");
        serde_json::from_value(self.json()["scopes"].clone()).expect("scopes are texts")
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.find(|(it, _)| *it == name).map(|(_, value)| value)
    }
}

impl Port {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_, _| {}).await
    }

    /// With a configuration that may have files in the folder.
    pub(crate) async fn start_with(adjust: impl FnOnce(&mut Config, &Path)) -> Self {
        let folder = tempfile::tempdir().expect("there is room");
        let server = start(|config| {
            files(config, folder.path());
            adjust(config, folder.path());
        })
        .await;
        let admin = std::fs::read_to_string(folder.path().join("admin.token"));
        let admin = admin.expect("the admin token was made");
        Self {
            server,
            folder,
            admin,
        }
    }

    /// Stops the server, and starts another one with the same files.
    pub(crate) async fn restart(self) -> Self {
        let Self {
            server,
            folder,
            admin,
        } = self;
        server.shutdown().await;
        let server = start(|config| files(config, folder.path())).await;
        Self {
            server,
            folder,
            admin,
        }
    }

    /// What a second server with these files says.
    pub(crate) async fn second(&self) -> Result<Server, StartError> {
        Server::start(&config(|config| files(config, self.folder.path()))).await
    }

    pub(crate) async fn ask(&self, asked: Asked<'_>) -> Answer {
        ask(address(&self.server, Protocol::Auth), asked).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        let method = "POST";
        self.ask(Asked {
            method,
            path,
            body,
            ..Asked::default()
        })
        .await
    }

    pub(crate) async fn post_as(&self, bearer: &str, path: &str, body: &str) -> Answer {
        let asked = Asked {
            method: "POST",
            path,
            body,
            bearer: Some(bearer),
            headers: "Content-Type: application/json\r\n",
            from: None,
        };
        self.ask(asked).await
    }

    pub(crate) async fn get_as(&self, bearer: &str, path: &str) -> Answer {
        let bearer = Some(bearer);
        self.ask(Asked {
            path,
            bearer,
            ..Asked::default()
        })
        .await
    }

    /// Somebody new with this name, and its token.
    pub(crate) async fn registered(&self, username: &str) -> String {
        let body = format!(r#"{{"username":"{username}","password":"secret1"}}"#);
        self.post("/auth/register", &body).await.text("token")
    }

    /// A session with this token, or the number and the text of the refusal.
    pub(crate) async fn session(&self, token: &str) -> Result<Client, (Code, String)> {
        let mut client = Client::dial(&self.server, Protocol::Tcp).await;
        client.send(&hello_with(Some(token))).await;
        match client.next().await {
            Message::Welcome(_) => {
                assert!(matches!(client.next().await, Message::Snapshot(_)));
                Ok(client)
            }
            Message::Error(error) => {
                let code = Code::from_number(error.code).expect("a known code");
                Err((code, error.message))
            }
            other => panic!("expected WELCOME or ERROR, got {other:?}"),
        }
    }
}

fn files(config: &mut Config, folder: &Path) {
    config.auth_port = Some(0);
    config.auth_db = folder.join("auth.db");
    config.admin_token = Some(folder.join("admin.token"));
    config.trusted_proxies = vec!["127.0.0.1".to_owned()];
}

/// A file of rules in the folder.
pub(crate) fn rules(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("rules.json");
    std::fs::write(&path, text).expect("there is room");
    path
}

pub(crate) async fn ask(address: std::net::SocketAddr, asked: Asked<'_>) -> Answer {
    let Asked {
        method,
        path,
        body,
        bearer,
        headers,
        from,
    } = asked;
    let method = if method.is_empty() { "GET" } else { method };
    let bearer = bearer.map_or_else(String::new, |it| format!("Authorization: Bearer {it}\r\n"));
    let from = from.map_or_else(elsewhere, str::to_owned);
    let length = body.len();
    let request = format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: {length}\r\n\
         X-Forwarded-For: {from}\r\n{bearer}{headers}\r\n{body}"
    );
    let connect = TcpStream::connect(address);
    let mut socket = soon("a connection", connect)
        .await
        .expect("the port is open");
    // A server may answer before it has read all of a body that is too long.
    socket.write_all(request.as_bytes()).await.ok();
    let answer = read_to_end(&mut socket).await;
    let answer = String::from_utf8(answer).expect("an answer is text");
    let (head, body) = answer.split_once("\r\n\r\n").expect("an answer has a head");
    let status = head
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    Answer {
        status: status.expect("a head names its status"),
        head: head.to_lowercase(),
        body: body.to_owned(),
    }
}

/// An address that nobody else has.
fn elsewhere() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let next = NEXT.fetch_add(1, Ordering::Relaxed).to_be_bytes();
    format!("100.{}.{}.{}", next[1], next[2], next[3])
}
