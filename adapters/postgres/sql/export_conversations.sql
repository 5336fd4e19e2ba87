-- Binds by name; a filter that is null matches everything. For a cursor: read once, from one end to the other.
SELECT id::text, tenant_id::text, user_id, agent, channel, language, parent_id::text, policies, metadata, state, started_at,
       created_at, last_activity_at, version, ended_at, ended_reason, ended_detail, message_count, turn_count, answered,
       can_resume, open_tool_calls, fault_code, fault_message, fault_retryable
FROM conversation_sessions
WHERE (%(conversations)s::uuid[] IS NULL OR id = ANY(%(conversations)s::uuid[]))
  AND (%(tenant)s::uuid IS NULL OR tenant_id = %(tenant)s::uuid)
  AND (%(user)s::text IS NULL OR user_id = %(user)s::text)
  AND (%(since)s::timestamptz IS NULL OR started_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR started_at < %(until)s::timestamptz)
ORDER BY conversation_sessions.id
