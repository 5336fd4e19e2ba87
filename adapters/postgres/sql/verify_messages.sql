-- Binds: after, until (conversations; after exclusive, until inclusive or null for no end).
SELECT id::text, session_id::text, tenant_id::text, user_id, role, content, audio_url, metadata, created_at, turn, version,
       interrupted, heard_text, audio_start_ms, audio_end_ms, language, confidence, speaker_id, spoken_at, late,
       response_id, model, provider, finish_reason, feedback_rating, feedback_comment, corrected_at,
       conversation_language,
       CASE WHEN input_tokens IS NOT NULL THEN jsonb_build_object(
           'input_tokens', input_tokens, 'output_tokens', output_tokens, 'cached_input_tokens', cached_input_tokens,
           'input_audio_tokens', input_audio_tokens, 'output_audio_tokens', output_audio_tokens) END AS usage
FROM conversation_messages
WHERE session_id > %(after)s::uuid AND (%(until)s::uuid IS NULL OR session_id <= %(until)s)
ORDER BY session_id, version
