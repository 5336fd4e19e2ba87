-- Of the table {sessions}.
-- Binds one array for each column, one element for each new conversation.
INSERT INTO {sessions} (
    id, tenant_id, user_id, agent, channel, language, parent_id, policies, metadata, state, started_at, created_at,
    last_activity_at, version, ended_at, ended_reason, ended_detail, message_count, turn_count, answered, can_resume,
    open_tool_calls, fault_code, fault_message, fault_retryable)
SELECT * FROM unnest(
    %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::text[], %s::uuid[], %s::jsonb[], %s::jsonb[],
    %s::text[], %s::timestamptz[], %s::timestamptz[], %s::timestamptz[], %s::bigint[], %s::timestamptz[], %s::text[],
    %s::text[], %s::int[], %s::int[], %s::boolean[], %s::boolean[], %s::int[], %s::text[], %s::text[], %s::boolean[])
