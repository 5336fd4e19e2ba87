-- Binds: name of the checkpoint. A row where the read tables have come further than the events go.
SELECT position, head FROM projection_checkpoints, (
    SELECT coalesce(max(notification_id), 0) AS head FROM all_stored_events) AS events
WHERE name = %s AND position > head
