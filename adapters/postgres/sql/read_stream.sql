-- $ tenant, conversation, after (exclusive), until (inclusive)
SELECT originator_id::text, originator_version, topic, state, notification_id, tenant_id::text, recorded_at
FROM all_stored_events
WHERE tenant_id = %s::uuid AND originator_id = %s::uuid AND originator_version > %s AND originator_version <= %s
ORDER BY originator_version
