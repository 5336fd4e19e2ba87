-- Binds: name.
UPDATE projection_checkpoints SET quarantine_revision = quarantine_revision + 1 WHERE name = %s
