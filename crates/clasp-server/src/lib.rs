//! Assembles router and transports into a running CLASP server.
