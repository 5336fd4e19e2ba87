-- Binds by name; a filter that is null matches everything. cursor_*: start behind this row. A state says whether a
-- conversation lives, and those that live have an index of their own.
SELECT id::text, tenant_id::text, user_id, agent, channel, language, parent_id::text, policies, metadata, state, started_at,
       created_at, last_activity_at, version, ended_at, ended_reason, ended_detail, message_count, turn_count, answered,
       can_resume, open_tool_calls, fault_code, fault_message, fault_retryable
FROM conversation_sessions
WHERE tenant_id = %(tenant_id)s
  AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s)
  AND (%(state)s::text IS NULL OR state = %(state)s AND is_active = (%(state)s <> 'ENDED'))
  AND (%(is_active)s::boolean IS NULL OR is_active = %(is_active)s)
  AND (%(started_from)s::timestamptz IS NULL OR started_at >= %(started_from)s)
  AND (%(started_until)s::timestamptz IS NULL OR started_at < %(started_until)s)
  AND (%(ended_from)s::timestamptz IS NULL OR ended_at >= %(ended_from)s)
  AND (%(ended_until)s::timestamptz IS NULL OR ended_at < %(ended_until)s)
  AND (%(metadata)s::jsonb IS NULL OR turnlog_tenant_metadata(tenant_id, metadata)
       @> turnlog_tenant_metadata(%(tenant_id)s::uuid, %(metadata)s))
  AND (%(cursor_id)s::uuid IS NULL OR (started_at, id) < (%(cursor_started_at)s::timestamptz, %(cursor_id)s))
ORDER BY started_at DESC, conversation_sessions.id DESC
LIMIT %(limit)s
