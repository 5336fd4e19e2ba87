-- Binds: new position, unknown events to add, 1 when conversations are parked or 0, name, old position, revision. No row:
-- another runner has moved it, or a parked conversation was re-driven.
UPDATE projection_checkpoints
SET position = %s, unknown_events = unknown_events + %s, quarantine_revision = quarantine_revision + %s,
    updated_at = clock_timestamp(), heartbeat_at = clock_timestamp()
WHERE name = %s AND position = %s AND quarantine_revision = %s
