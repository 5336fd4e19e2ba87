-- Binds: rebuild. What is not copied yet.
SELECT number, until_id::text, copied_id::text FROM projection_rebuild_parts WHERE rebuild_id = %s AND NOT is_done ORDER BY number
