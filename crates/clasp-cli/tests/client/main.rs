//! The client library against a router in this process. It lives here because clasp-client knows no server.

mod calls;
mod connection;
mod harness;
mod publications;
mod subscriptions;
