-- Of the table {sessions}.
-- Binds one array for each field of a change, one element for each changed conversation; null leaves a column as it is,
-- but the columns of a fault are written whenever fault_set.
UPDATE {sessions} AS session SET
    version          = change.version,
    last_activity_at = change.last_activity_at,
    state            = coalesce(change.state, session.state),
    turn_count       = coalesce(change.turn, session.turn_count),
    message_count    = session.message_count + change.messages_added,
    open_tool_calls  = CASE WHEN change.turn_over THEN 0 ELSE session.open_tool_calls END + change.tool_calls_opened,
    can_resume       = coalesce(change.can_resume, session.can_resume AND NOT change.turn_over),
    answered         = coalesce(change.answered, session.answered),
    fault_code       = CASE WHEN change.fault_set THEN change.fault_code ELSE session.fault_code END,
    fault_message    = CASE WHEN change.fault_set THEN change.fault_message ELSE session.fault_message END,
    fault_retryable  = CASE WHEN change.fault_set THEN change.fault_retryable ELSE session.fault_retryable END,
    metadata         = coalesce(change.metadata, session.metadata),
    ended_at         = coalesce(change.ended_at, session.ended_at),
    ended_reason     = coalesce(change.ended_reason, session.ended_reason),
    ended_detail     = CASE WHEN change.ended_at IS NULL THEN session.ended_detail ELSE change.ended_detail END
FROM unnest(
    %s::uuid[], %s::bigint[], %s::timestamptz[], %s::text[], %s::int[], %s::int[], %s::boolean[], %s::int[],
    %s::boolean[], %s::boolean[], %s::boolean[], %s::text[], %s::text[], %s::boolean[], %s::jsonb[],
    %s::timestamptz[], %s::text[], %s::text[]
) AS change(
    id, version, last_activity_at, state, turn, messages_added, turn_over, tool_calls_opened, can_resume, answered,
    fault_set, fault_code, fault_message, fault_retryable, metadata, ended_at, ended_reason, ended_detail)
WHERE session.id = change.id
