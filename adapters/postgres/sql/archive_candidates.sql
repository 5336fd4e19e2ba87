-- Binds: ended_before, tenant (null: of all), after_ended_at and after_id (exclusive), limit. Ended conversations with
-- events that can move. Those without are left out, so that an archiving that was interrupted goes on where it was.
SELECT session.ended_at, session.id::text
FROM conversation_sessions session
WHERE session.is_active = FALSE AND session.ended_at < %(ended_before)s AND session.last_activity_at < %(ended_before)s
    AND (%(tenant)s::uuid IS NULL OR session.tenant_id = %(tenant)s::uuid)
    AND (session.ended_at, session.id) > (%(after_ended_at)s, %(after_id)s::uuid)
    AND EXISTS (
        SELECT FROM stored_events e
        WHERE e.originator_id = session.id AND e.originator_version < session.version)
ORDER BY session.ended_at, session.id
LIMIT %(limit)s
