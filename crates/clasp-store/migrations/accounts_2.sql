-- Names in small letters, by which a guest cannot take the name of an account. Filled by the program.
ALTER TABLE users ADD COLUMN username_folded TEXT NOT NULL DEFAULT '';
CREATE INDEX users_username_folded ON users (username_folded);

-- Tokens by the SHA-256 of their text: whoever reads this file has no token.
CREATE TABLE tokens (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    subject TEXT,
    username TEXT,
    scopes TEXT NOT NULL,
    expires_at INTEGER,
    created_at INTEGER NOT NULL,
    kind TEXT NOT NULL,
    parent BLOB REFERENCES tokens (digest) ON DELETE CASCADE
) STRICT;
CREATE INDEX tokens_subject ON tokens (subject);
CREATE INDEX tokens_expires_at ON tokens (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX tokens_parent ON tokens (parent) WHERE parent IS NOT NULL;

-- Links of capability tokens that are no longer believed, until they expire anyway.
CREATE TABLE revoked (
    digest BLOB PRIMARY KEY NOT NULL CHECK (length(digest) = 32),
    until INTEGER
) STRICT, WITHOUT ROWID;

-- Failed logins by the digest of who failed, so that a restart gives nobody new ones.
CREATE TABLE failures (
    source BLOB PRIMARY KEY NOT NULL CHECK (length(source) = 32),
    count INTEGER NOT NULL,
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
