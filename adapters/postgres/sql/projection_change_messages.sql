-- Of the table {messages}.
-- Binds one array for each field of a change, one element for each changed message; null leaves a column as it is, but
-- the columns of an answer are written whenever interrupted is given, and those of feedback whenever rating is.
UPDATE {messages} AS message SET
    content             = coalesce(change.content, message.content),
    turn                = coalesce(change.turn, message.turn),
    corrected_at        = coalesce(change.corrected_at, message.corrected_at),
    feedback_rating     = coalesce(change.rating, message.feedback_rating),
    feedback_comment    = CASE WHEN change.rating IS NULL THEN message.feedback_comment ELSE change.comment END,
    interrupted         = coalesce(change.interrupted, message.interrupted),
    audio_url           = CASE WHEN change.interrupted IS NULL THEN message.audio_url ELSE change.audio_url END,
    metadata            = CASE WHEN change.interrupted IS NULL THEN message.metadata ELSE change.metadata END,
    heard_text          = CASE WHEN change.interrupted IS NULL THEN message.heard_text ELSE change.heard_text END,
    audio_end_ms        = CASE WHEN change.interrupted IS NULL THEN message.audio_end_ms ELSE change.audio_end_ms END,
    finish_reason       = CASE WHEN change.interrupted IS NULL THEN message.finish_reason
                               ELSE change.finish_reason END,
    input_tokens        = CASE WHEN change.interrupted IS NULL THEN message.input_tokens ELSE change.input_tokens END,
    output_tokens       = CASE WHEN change.interrupted IS NULL THEN message.output_tokens
                               ELSE change.output_tokens END,
    cached_input_tokens = CASE WHEN change.interrupted IS NULL THEN message.cached_input_tokens
                               ELSE change.cached_input_tokens END,
    input_audio_tokens  = CASE WHEN change.interrupted IS NULL THEN message.input_audio_tokens
                               ELSE change.input_audio_tokens END,
    output_audio_tokens = CASE WHEN change.interrupted IS NULL THEN message.output_audio_tokens
                               ELSE change.output_audio_tokens END
FROM unnest(
    %s::uuid[], %s::uuid[], %s::text[], %s::int[], %s::timestamptz[], %s::smallint[], %s::text[], %s::boolean[],
    %s::text[], %s::jsonb[], %s::text[], %s::int[], %s::text[], %s::int[], %s::int[], %s::int[], %s::int[], %s::int[]
) AS change(
    session_id, id, content, turn, corrected_at, rating, comment, interrupted, audio_url, metadata, heard_text,
    audio_end_ms, finish_reason, input_tokens, output_tokens, cached_input_tokens, input_audio_tokens,
    output_audio_tokens)
WHERE message.session_id = change.session_id AND message.id = change.id
