-- Binds: tenant, conversation, fingerprint, until (inclusive). The newest snapshot that fits and the events after it, in
-- any order; the snapshot has no topic. One round trip, and for a short conversation no more work than its events are.
WITH snapshot AS MATERIALIZED (
    SELECT version, state, created_at FROM conversation_snapshots
    WHERE conversation_id = %(conversation)s::uuid AND tenant_id = %(tenant)s::uuid AND fingerprint = %(fingerprint)s
        AND version <= %(until)s
    ORDER BY version DESC
    LIMIT 1)
SELECT %(conversation)s::text, version, NULL AS topic, state, 0::bigint, %(tenant)s::text, created_at FROM snapshot
UNION ALL
SELECT originator_id::text, originator_version, topic, state, notification_id, tenant_id::text, recorded_at
FROM all_stored_events
WHERE tenant_id = %(tenant)s::uuid AND originator_id = %(conversation)s::uuid
    AND originator_version > coalesce((SELECT version FROM snapshot), 0) AND originator_version <= %(until)s
