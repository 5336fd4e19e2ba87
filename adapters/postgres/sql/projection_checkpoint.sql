-- Binds: name.
SELECT position, unknown_events, quarantine_revision AS revision FROM projection_checkpoints WHERE name = %s
