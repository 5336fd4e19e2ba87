-- Binds: name. Nobody can move the checkpoint until the transaction ends. After a restore it may name events that are not
-- there any more; then the last one counts.
SELECT least(position, (SELECT coalesce(max(notification_id), 0) FROM stored_events))
FROM projection_checkpoints WHERE name = %s
FOR UPDATE
