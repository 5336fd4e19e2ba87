-- The rows of conversation_sessions in plain SQL, into the table {sessions}: as one would write it who knows which events
-- there are in this history. JSON is read where nothing else tells, which is in three events of a conversation.
INSERT INTO {sessions} (
    id, tenant_id, user_id, agent, channel, language, parent_id, policies, metadata, state, started_at, created_at,
    last_activity_at, version, ended_at, ended_reason, ended_detail, message_count, turn_count, answered)
SELECT counted.originator_id, started.tenant_id, start #>> '{{data,user_id}}', start #>> '{{data,agent}}',
       start #>> '{{data,channel}}', start #>> '{{data,language}}', (start #>> '{{data,parent_id}}')::uuid,
       start #> '{{data,policies}}', coalesce(start #> '{{data,metadata}}', '{{}}'),
       CASE greatest(ended, completed, begun, asked, listened)
           WHEN ended THEN 'ENDED' WHEN completed THEN 'IDLE' WHEN begun THEN 'SPEAKING' WHEN asked THEN 'PROCESSING'
           WHEN listened THEN 'LISTENING' ELSE 'IDLE' END,
       (start #>> '{{origin,occurred_at}}')::timestamptz, (start #>> '{{origin,occurred_at}}')::timestamptz,
       (convert_from(last.state, 'UTF8')::jsonb #>> '{{origin,occurred_at}}')::timestamptz, version,
       (ending #>> '{{origin,occurred_at}}')::timestamptz, ending #>> '{{data,ended_reason}}',
       ending #>> '{{data,detail}}', message_count, turn_count, coalesce(completed > asked, false)
FROM (
    SELECT originator_id, max(originator_version) AS version,
           count(*) FILTER (
               WHERE topic IN ('user_message_received.v1', 'response_completed.v1', 'message_recorded.v1')
           ) AS message_count,
           count(*) FILTER (WHERE topic = 'user_message_received.v1') AS turn_count,
           max(originator_version) FILTER (WHERE topic = 'listening_started.v1') AS listened,
           max(originator_version) FILTER (WHERE topic = 'user_message_received.v1') AS asked,
           max(originator_version) FILTER (WHERE topic = 'response_started.v1') AS begun,
           max(originator_version) FILTER (WHERE topic = 'response_completed.v1') AS completed,
           max(originator_version) FILTER (WHERE topic = 'conversation_ended.v1') AS ended
    FROM stored_events GROUP BY originator_id
) AS counted
JOIN stored_events AS started ON started.originator_id = counted.originator_id AND started.originator_version = 1
JOIN stored_events AS last ON last.originator_id = counted.originator_id AND last.originator_version = version
LEFT JOIN stored_events AS ended_by ON ended_by.originator_id = counted.originator_id
    AND ended_by.originator_version = ended
CROSS JOIN LATERAL (SELECT convert_from(started.state, 'UTF8')::jsonb AS start,
                           convert_from(ended_by.state, 'UTF8')::jsonb AS ending OFFSET 0) AS parsed
