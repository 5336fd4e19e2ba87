-- Binds: last conversation, number of its events and those before it.
UPDATE projection_rebuilds SET copied_id = %s, copied_events = copied_events + %s
