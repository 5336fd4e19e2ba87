-- Binds: new position, unknown events to add, name, old position. No row: another runner has moved it.
UPDATE projection_checkpoints
SET position = %s, unknown_events = unknown_events + %s, updated_at = clock_timestamp(), heartbeat_at = clock_timestamp()
WHERE name = %s AND position = %s
