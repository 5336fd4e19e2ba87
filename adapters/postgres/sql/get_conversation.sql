-- Binds: tenant_id, id.
SELECT id::text, tenant_id::text, user_id, agent, channel, language, parent_id::text, policies, metadata, state, started_at,
       created_at, last_activity_at, version, ended_at, ended_reason, ended_detail, message_count, turn_count, answered,
       can_resume, open_tool_calls, fault_code, fault_message, fault_retryable
FROM conversation_sessions
WHERE tenant_id = %(tenant_id)s AND id = %(id)s
