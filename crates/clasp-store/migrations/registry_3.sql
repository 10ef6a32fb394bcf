-- A checksum over the rest of each row, so that a flipped bit is found. Rows of before are taken as they are.
ALTER TABLE entities ADD COLUMN checksum INTEGER;
UPDATE entities SET checksum =
    row_checksum(id, entity_type, name, public_key, created_at, metadata, tags, namespaces, scopes, status);
