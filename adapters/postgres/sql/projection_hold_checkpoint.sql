-- Binds: name. Every runner must change this row to write anything, so it waits until we are done.
SELECT position FROM projection_checkpoints WHERE name = %s FOR UPDATE
