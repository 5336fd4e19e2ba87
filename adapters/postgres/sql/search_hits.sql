-- Binds: tenant_id, session_ids, ids, configurations, queries, headline. The messages in the order of the ids, each with
-- its text without signs, in which the words that were looked for are marked.
SELECT id::text, session_id::text, tenant_id::text, user_id, role, content, audio_url, metadata, created_at, turn, version,
       interrupted, heard_text, audio_start_ms, audio_end_ms, language, confidence, speaker_id, spoken_at, late,
       response_id, model, provider, finish_reason, feedback_rating, feedback_comment, corrected_at,
       conversation_language,
       CASE WHEN input_tokens IS NOT NULL THEN jsonb_build_object(
           'input_tokens', input_tokens, 'output_tokens', output_tokens, 'cached_input_tokens', cached_input_tokens,
           'input_audio_tokens', input_audio_tokens, 'output_audio_tokens', output_audio_tokens) END AS usage,
       ts_headline(
           turnlog_search_configuration(conversation_language), turnlog_search_text(content),
           turnlog_search_query(conversation_language, %(configurations)s::regconfig[], %(queries)s::tsquery[]),
           %(headline)s) AS headline
FROM unnest(%(session_ids)s::uuid[], %(ids)s::uuid[]) WITH ORDINALITY AS hit(session_id, id, place)
JOIN conversation_messages USING (session_id, id)
WHERE tenant_id = %(tenant_id)s
ORDER BY place
