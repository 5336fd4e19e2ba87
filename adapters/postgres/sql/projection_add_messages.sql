-- Binds one array for each column and for takes_turn and takes_model, one element for each new message. What a message
-- takes from its session is read before the page's changes of sessions are written.
INSERT INTO conversation_messages (
    id, session_id, tenant_id, user_id, role, content, audio_url, metadata, created_at, turn, version, interrupted,
    heard_text, audio_start_ms, audio_end_ms, language, confidence, speaker_id, spoken_at, late, response_id, model,
    provider, finish_reason, input_tokens, output_tokens, cached_input_tokens, input_audio_tokens, output_audio_tokens,
    feedback_rating, feedback_comment, corrected_at)
SELECT
    added.id, added.session_id, added.tenant_id,
    CASE WHEN added.role = 'user' THEN session.user_id END,
    added.role, added.content, added.audio_url, added.metadata, added.created_at,
    CASE WHEN added.takes_turn THEN session.turn_count ELSE added.turn END,
    added.version, added.interrupted, added.heard_text, added.audio_start_ms, added.audio_end_ms, added.language,
    added.confidence, added.speaker_id, added.spoken_at, added.late, added.response_id,
    CASE WHEN added.takes_model AND session.response_id = added.response_id THEN session.model ELSE added.model END,
    CASE WHEN added.takes_model AND session.response_id = added.response_id THEN session.provider
         ELSE added.provider END,
    added.finish_reason, added.input_tokens, added.output_tokens, added.cached_input_tokens,
    added.input_audio_tokens, added.output_audio_tokens, added.feedback_rating, added.feedback_comment,
    added.corrected_at
FROM unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::text[], %s::text[], %s::jsonb[], %s::timestamptz[], %s::int[],
    %s::bigint[], %s::boolean[], %s::text[], %s::int[], %s::int[], %s::text[], %s::float8[], %s::text[],
    %s::timestamptz[], %s::boolean[], %s::text[], %s::text[], %s::text[], %s::text[], %s::int[], %s::int[], %s::int[],
    %s::int[], %s::int[], %s::smallint[], %s::text[], %s::timestamptz[], %s::boolean[], %s::boolean[]
) AS added(
    id, session_id, tenant_id, role, content, audio_url, metadata, created_at, turn,
    version, interrupted, heard_text, audio_start_ms, audio_end_ms, language, confidence, speaker_id,
    spoken_at, late, response_id, model, provider, finish_reason, input_tokens, output_tokens, cached_input_tokens,
    input_audio_tokens, output_audio_tokens, feedback_rating, feedback_comment, corrected_at, takes_turn, takes_model)
LEFT JOIN conversation_sessions AS session ON session.id = added.session_id
