-- Binds: name.
SELECT position, unknown_events, quarantine_revision AS revision, ARRAY(
    SELECT conversation_id::text FROM projection_dead_letters WHERE checkpoint = name) AS parked
FROM projection_checkpoints WHERE name = %s
