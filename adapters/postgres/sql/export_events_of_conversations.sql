-- $ conversations uuid[], then as in export_events.sql. First all events of these conversations, by their own index: the
-- order of positions alone would lead through everything that is stored.
WITH chosen AS MATERIALIZED (
    SELECT * FROM all_stored_events WHERE originator_id = ANY(%(conversations)s::uuid[])
)
SELECT e.originator_id::text, e.originator_version, e.topic, e.state, e.tenant_id::text, e.command_id::text,
       e.recorded_at, e.notification_id
FROM chosen e
WHERE e.notification_id > %(after)s AND e.notification_id <= %(until)s
  AND (%(tenant)s::uuid IS NULL OR e.tenant_id = %(tenant)s::uuid)
  AND (%(ended_before)s::timestamptz IS NULL OR (
      SELECT s.ended_at < %(ended_before)s::timestamptz FROM conversation_sessions s WHERE s.id = e.originator_id))
ORDER BY e.notification_id
LIMIT %(limit)s
