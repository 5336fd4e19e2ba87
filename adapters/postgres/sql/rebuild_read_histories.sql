-- Binds: conversation, version (exclusive), last conversation (inclusive), until (position, inclusive), limit. Whole
-- histories, one after the other. Ordered by the column of the table: the one of the same name that is selected is a
-- text, which no index sorts.
SELECT e.originator_id::text, e.originator_version, e.topic, e.state, e.notification_id, e.tenant_id::text, e.recorded_at
FROM all_stored_events AS e
WHERE (e.originator_id, e.originator_version) > (%s::uuid, %s::bigint) AND e.originator_id <= %s::uuid
  AND e.notification_id <= %s
ORDER BY e.originator_id, e.originator_version
LIMIT %s
