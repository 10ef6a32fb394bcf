-- The order in which entities are listed.
CREATE INDEX entities_created_at ON entities (created_at DESC, id);
