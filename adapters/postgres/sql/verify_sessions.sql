-- Binds: after, until (conversations; after exclusive, until inclusive or null for no end).
SELECT id::text, tenant_id::text, user_id, agent, channel, language, parent_id::text, policies, metadata, state, started_at,
       created_at, last_activity_at, version, ended_at, ended_reason, ended_detail, message_count, turn_count, answered,
       can_resume, open_tool_calls, fault_code, fault_message, fault_retryable
FROM conversation_sessions
WHERE id > %(after)s::uuid AND (%(until)s::uuid IS NULL OR id <= %(until)s)
ORDER BY id
