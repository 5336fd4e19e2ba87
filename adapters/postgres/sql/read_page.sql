-- $ after (exclusive), limit
SELECT originator_id::text, originator_version, topic, state, notification_id, tenant_id::text, recorded_at
FROM all_stored_events
WHERE notification_id > %s
ORDER BY notification_id
LIMIT %s
