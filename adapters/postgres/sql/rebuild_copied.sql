-- Binds: last conversation copied, number of events, whether it is the last of the part, rebuild, part, last conversation
-- before. No row: another process goes on with this part.
UPDATE projection_rebuild_parts
SET copied_id = %s, copied_events = copied_events + %s, is_done = %s
WHERE rebuild_id = %s AND number = %s AND copied_id = %s AND NOT is_done
