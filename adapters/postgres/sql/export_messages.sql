-- $ conversations uuid[], in rising order
SELECT m.id::text, m.session_id::text, m.tenant_id::text, m.user_id, m.role, m.content, m.audio_url, m.metadata,
       m.created_at, m.turn, m.version, m.interrupted, m.heard_text, m.audio_start_ms, m.audio_end_ms, m.language,
       m.confidence, m.speaker_id, m.spoken_at, m.late, m.response_id, m.model, m.provider, m.finish_reason,
       m.feedback_rating, m.feedback_comment, m.corrected_at, m.conversation_language,
       CASE WHEN m.input_tokens IS NOT NULL THEN jsonb_build_object(
           'input_tokens', m.input_tokens, 'output_tokens', m.output_tokens, 'cached_input_tokens',
           m.cached_input_tokens, 'input_audio_tokens', m.input_audio_tokens, 'output_audio_tokens',
           m.output_audio_tokens) END AS usage
FROM conversation_messages m
WHERE m.session_id = ANY(%s::uuid[])
ORDER BY m.session_id, m.version
