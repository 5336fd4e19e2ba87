-- Binds by name; a filter that is null matches everything. Ended conversations are counted by their reasons.
SELECT (SELECT count(*) FROM conversation_sessions
        WHERE tenant_id = %(tenant_id)s AND is_active
          AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
          AND (%(agent)s::text IS NULL OR agent = %(agent)s)) AS active,
       (SELECT count(*) FROM conversation_sessions
        WHERE tenant_id = %(tenant_id)s AND started_at >= %(since)s AND started_at < %(until)s
          AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
          AND (%(agent)s::text IS NULL OR agent = %(agent)s)) AS started,
       coalesce(sum(sessions), 0)::bigint AS ended,
       (sum(seconds) / sum(sessions))::double precision AS average_duration_seconds,
       (sum(messages) / sum(sessions))::double precision AS messages_per_session,
       coalesce(jsonb_object_agg(ended_reason, sessions) FILTER (WHERE ended_reason IS NOT NULL), '{}') AS ended_reasons
FROM (
    SELECT ended_reason, count(*) AS sessions, sum(duration_seconds) AS seconds, sum(message_count) AS messages
    FROM conversation_sessions
    WHERE tenant_id = %(tenant_id)s AND ended_at >= %(since)s AND ended_at < %(until)s
      AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
      AND (%(agent)s::text IS NULL OR agent = %(agent)s)
    GROUP BY ended_reason
) AS ended
