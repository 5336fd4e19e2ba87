-- $ command, tenant. The events of one command are stored together: their versions follow its first, they were recorded
-- in the same moment, and only the first of them has a command id. Others may write events that have none.
SELECT e.originator_id::text, e.originator_version, e.topic, e.state, e.notification_id, e.tenant_id::text, e.recorded_at
FROM all_stored_events first
JOIN all_stored_events e ON e.originator_id = first.originator_id AND e.originator_version >= first.originator_version
    AND e.recorded_at = first.recorded_at
    AND e.originator_version < coalesce(
        (SELECT min(next.originator_version) FROM all_stored_events next
         WHERE next.originator_id = first.originator_id AND next.originator_version > first.originator_version
           AND next.command_id IS NOT NULL),
        9223372036854775807)
WHERE first.command_id = %s::uuid AND first.tenant_id = %s::uuid
ORDER BY e.originator_version
