-- Binds: conversation, version (exclusive), until (position, inclusive), limit. Whole histories, one after the other.
SELECT originator_id::text, originator_version, topic, state, notification_id, tenant_id::text, recorded_at
FROM all_stored_events
WHERE (originator_id, originator_version) > (%s::uuid, %s::bigint) AND notification_id <= %s
ORDER BY originator_id, originator_version
LIMIT %s
