-- Binds: name.
UPDATE projection_checkpoints SET heartbeat_at = clock_timestamp() WHERE name = %s
