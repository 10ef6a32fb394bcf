-- One row. The records begin after floor; null before the first. While is_open is 1, or after a kill, the files with -wal and
-- -durable at the end of their names belong to this one, and it is not whole without them. The checksum covers the rest.
CREATE TABLE origin (
    id INTEGER PRIMARY KEY NOT NULL CHECK (id = 1),
    identity BLOB NOT NULL CHECK (length(identity) = 16),
    floor INTEGER,
    is_open INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

-- Records, encoded, each with a checksum. No sequence number is missing between floor and the last.
CREATE TABLE batches (
    last INTEGER PRIMARY KEY NOT NULL,
    first INTEGER NOT NULL,
    records BLOB NOT NULL
) STRICT;

-- What may be in a batch. The newest batches have none, and are put together when there are enough of them.
CREATE TABLE summaries (
    last INTEGER PRIMARY KEY NOT NULL,
    first INTEGER NOT NULL,
    from_us INTEGER NOT NULL,
    to_us INTEGER NOT NULL,
    filter BLOB NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

-- The state at a sequence number. Only a snapshot that stands here is whole.
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY NOT NULL,
    sequence INTEGER NOT NULL,
    at_us INTEGER NOT NULL,
    parts INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    checksum INTEGER NOT NULL
) STRICT;

CREATE TABLE snapshot_parts (
    snapshot INTEGER NOT NULL,
    part INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT;
CREATE UNIQUE INDEX snapshot_parts_part ON snapshot_parts (snapshot, part);
