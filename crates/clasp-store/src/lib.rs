//! What a CLASP server keeps in SQLite; the only crate with SQL.
