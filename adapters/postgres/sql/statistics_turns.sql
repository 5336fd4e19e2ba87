-- Binds by name; a filter that is null matches everything. What was cut short or failed
-- says nothing of how long an answer takes to its end.
SELECT count(*) AS count,
       count(*) FILTER (WHERE outcome = 'answered') AS answered,
       count(*) FILTER (WHERE outcome = 'interrupted') AS interrupted,
       count(*) FILTER (WHERE outcome = 'cancelled') AS cancelled,
       count(*) FILTER (WHERE outcome = 'failed') AS failed,
       count(answer_start_ms) AS start_count,
       percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY answer_start_ms) AS start_ms,
       count(answer_end_ms) FILTER (WHERE outcome = 'answered') AS end_count,
       percentile_disc(ARRAY[0.5, 0.95]) WITHIN GROUP (ORDER BY answer_end_ms) FILTER (WHERE outcome = 'answered')
           AS end_ms
FROM turn_latencies
WHERE tenant_id = %(tenant_id)s AND user_message_at >= %(since)s AND user_message_at < %(until)s
  AND (%(user_id)s::text IS NULL AND %(agent)s::text IS NULL OR EXISTS (
      SELECT FROM conversation_sessions
      WHERE conversation_sessions.id = conversation_id AND conversation_sessions.tenant_id = %(tenant_id)s
        AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
        AND (%(agent)s::text IS NULL OR agent = %(agent)s)))
