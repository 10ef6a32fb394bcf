//! An auth port that answers what the test says, and keeps what it was asked.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::{self, JoinHandle};

use serde_json::Value as Json;

/// Answers one request.
pub(crate) struct FakeRelay {
    pub(crate) url: String,
    asked: JoinHandle<Asked>,
}

/// A request.
#[derive(Debug, PartialEq)]
pub(crate) struct Asked {
    /// Method and path.
    pub(crate) line: String,
    pub(crate) authorization: Option<String>,
    pub(crate) body: Json,
}

impl FakeRelay {
    pub(crate) fn answers(status: u16, body: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("there is a free port");
        let address = listener.local_addr().expect("it is bound");
        let answer = format!(
            "HTTP/1.1 {status} X\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let asked = thread::spawn(move || {
            let (mut socket, _) = listener.accept().expect("somebody asks");
            let asked = read(&mut BufReader::new(&mut socket));
            socket
                .write_all(answer.as_bytes())
                .expect("the answer is read");
            asked
        });
        Self {
            url: format!("http://{address}"),
            asked,
        }
    }

    /// What it was asked.
    pub(crate) fn asked(self) -> Asked {
        self.asked.join().expect("it was asked")
    }
}

fn read(reader: &mut impl BufRead) -> Asked {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).expect("a whole head comes");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let header = |name: &str| {
        let lines = lines.iter().filter_map(|line| line.split_once(": "));
        let mut found = lines.filter(|(found, _)| found.eq_ignore_ascii_case(name));
        found.next().map(|(_, value)| value.to_owned())
    };
    let length = header("content-length").map_or(0, |it| it.parse().expect("it is a number"));
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a whole body comes");
    let line = lines[0].strip_suffix(" HTTP/1.1");
    Asked {
        line: line.expect("it is HTTP").to_owned(),
        authorization: header("authorization"),
        body: serde_json::from_slice(&body).unwrap_or_default(),
    }
}
