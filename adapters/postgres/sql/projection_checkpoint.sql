-- Binds: name.
SELECT position, unknown_events FROM projection_checkpoints WHERE name = %s
