-- Of the tables {messages} and {sessions}.
-- Binds one array for each column that does not come from the session, one element
-- for each new message.
INSERT INTO {messages} (
    id, session_id, tenant_id, role, content, audio_url, metadata, created_at, turn, version, interrupted, heard_text,
    audio_start_ms, audio_end_ms, language, confidence, speaker_id, spoken_at, late, response_id, model, provider,
    finish_reason, input_tokens, output_tokens, cached_input_tokens, input_audio_tokens, output_audio_tokens,
    feedback_rating, feedback_comment, corrected_at, user_id, conversation_language)
SELECT added.*, CASE WHEN added.role = 'user' THEN session.user_id END, session.language
FROM unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::timestamptz[], %s::int[],
    %s::bigint[], %s::boolean[], %s::text[], %s::int[], %s::int[], %s::text[], %s::float8[], %s::text[],
    %s::timestamptz[], %s::boolean[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::int[], %s::int[],
    %s::int[], %s::int[], %s::smallint[], %s::text[], %s::timestamptz[]
) AS added(id, session_id, tenant_id, role)
LEFT JOIN {sessions} AS session ON session.id = added.session_id
