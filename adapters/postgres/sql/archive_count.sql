-- Binds: ended_before, tenant (null: of all). The conversations of archive_candidates.sql, and how many of their events
-- can move.
SELECT count(*), coalesce(sum(events), 0)::bigint
FROM (
    SELECT (
        SELECT count(*) FROM stored_events e
        WHERE e.originator_id = session.id AND e.originator_version < session.version
    ) AS events
    FROM conversation_sessions session
    WHERE session.is_active = FALSE AND session.ended_at < %(ended_before)s
        AND session.last_activity_at < %(ended_before)s
        AND (%(tenant)s::uuid IS NULL OR session.tenant_id = %(tenant)s::uuid)) counted
WHERE events > 0
