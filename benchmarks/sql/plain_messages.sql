-- The rows of conversation_messages in plain SQL, into the table {messages}, with what stands in {sessions} already: as
-- one would write it who knows which events there are in this history.
INSERT INTO {messages} (
    id, session_id, tenant_id, user_id, role, content, audio_url, metadata, created_at, turn, version, audio_start_ms,
    audio_end_ms, language, confidence, speaker_id, spoken_at, late, response_id, model, provider, finish_reason,
    input_tokens, output_tokens, cached_input_tokens, input_audio_tokens, output_audio_tokens, feedback_rating,
    feedback_comment, conversation_language)
SELECT message_id, event.originator_id, event.tenant_id, CASE WHEN is_user THEN session.user_id END,
       CASE WHEN is_user THEN 'user' ELSE coalesce(data ->> 'role', 'assistant') END,
       data ->> 'content', data ->> 'audio_url', coalesce(data -> 'metadata', '{{}}'),
       (event.state #>> '{{origin,occurred_at}}')::timestamptz, (data ->> 'turn')::integer, event.originator_version,
       (data ->> 'audio_start_ms')::integer, (data ->> 'audio_end_ms')::integer, data ->> 'language',
       (data ->> 'confidence')::float8, data ->> 'speaker_id', (data ->> 'spoken_at')::timestamptz,
       coalesce((data ->> 'late')::boolean, false), data ->> 'response_id', data ->> 'model', data ->> 'provider',
       data ->> 'finish_reason', (usage ->> 'input_tokens')::integer, (usage ->> 'output_tokens')::integer,
       (usage ->> 'cached_input_tokens')::integer, (usage ->> 'input_audio_tokens')::integer,
       (usage ->> 'output_audio_tokens')::integer, feedback.rating, feedback.comment, session.language
FROM (
    SELECT originator_id, originator_version, tenant_id, state, is_user, state -> 'data' AS data,
           state #> '{{data,usage}}' AS usage, (state #>> '{{data,message_id}}')::uuid AS message_id
    FROM (
        SELECT originator_id, originator_version, tenant_id, topic = 'user_message_received.v1' AS is_user,
               convert_from(state, 'UTF8')::jsonb AS state
        FROM stored_events
        WHERE topic IN ('user_message_received.v1', 'response_completed.v1', 'message_recorded.v1')
        OFFSET 0) AS parsed -- kept apart, so that the JSON of an event is read once
    OFFSET 0
) AS event
JOIN {sessions} AS session ON session.id = event.originator_id
LEFT JOIN (
    SELECT DISTINCT ON (originator_id, message_id) *
    FROM (
        SELECT originator_id, originator_version, (data ->> 'message_id')::uuid AS message_id,
               (data ->> 'rating')::smallint AS rating, data ->> 'comment' AS comment
        FROM (
            SELECT originator_id, originator_version, convert_from(state, 'UTF8')::jsonb -> 'data' AS data
            FROM stored_events WHERE topic = 'feedback_recorded.v1'
            OFFSET 0) AS parsed) AS given
    ORDER BY originator_id, message_id, originator_version DESC
) AS feedback USING (originator_id, message_id)
