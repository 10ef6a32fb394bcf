-- A checksum over the rest of each row that says who may do what, so that a flipped bit is found. Rows of before are taken as they are.
ALTER TABLE users ADD COLUMN checksum INTEGER;
UPDATE users SET checksum = row_checksum(id, username, password_hash, created_at, username_folded);
ALTER TABLE tokens ADD COLUMN checksum INTEGER;
UPDATE tokens SET checksum =
    row_checksum(digest, subject, username, scopes, expires_at, created_at, kind, parent, family);
ALTER TABLE revoked ADD COLUMN checksum INTEGER;
UPDATE revoked SET checksum = row_checksum(digest, until);
