-- What a token was renewed from, by the digest of the first: they end together. Those of before are their own first.
ALTER TABLE tokens ADD COLUMN family BLOB;
UPDATE tokens SET family = digest;
CREATE INDEX tokens_family ON tokens (family);

-- The oldest guest makes room.
CREATE INDEX tokens_guests ON tokens (kind) WHERE kind = 'guest';
