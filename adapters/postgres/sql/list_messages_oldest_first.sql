-- Binds by name; a filter that is null matches everything. cursor_version: start behind this row.
SELECT id::text, session_id::text, tenant_id::text, user_id, role, content, audio_url, metadata, created_at, turn, version,
       interrupted, heard_text, audio_start_ms, audio_end_ms, language, confidence, speaker_id, spoken_at, late,
       response_id, model, provider, finish_reason, feedback_rating, feedback_comment, corrected_at,
       conversation_language,
       CASE WHEN input_tokens IS NOT NULL THEN jsonb_build_object(
           'input_tokens', input_tokens, 'output_tokens', output_tokens, 'cached_input_tokens', cached_input_tokens,
           'input_audio_tokens', input_audio_tokens, 'output_audio_tokens', output_audio_tokens) END AS usage
FROM conversation_messages
WHERE session_id = %(session_id)s AND tenant_id = %(tenant_id)s
  AND (%(role)s::text IS NULL OR role = %(role)s)
  AND (%(cursor_version)s::bigint IS NULL OR version > %(cursor_version)s)
ORDER BY version
LIMIT %(limit)s
