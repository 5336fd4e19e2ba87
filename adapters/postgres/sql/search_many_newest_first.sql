-- Binds by name; a filter that is null matches everything. cursor_*: start behind this place. All messages of the scope
-- are looked at, newest first, until limit of them match or max_rows or max_bytes of text were looked at.
-- is_end: the look ended at this row, whether or not it matches, and there may be more behind it.
SELECT session_id::text, id::text, created_at, is_end,
       is_wanted AND turnlog_search_matches(
           content, conversation_language, %(configurations)s::regconfig[], %(queries)s::tsquery[]) AS is_match
FROM (
    SELECT session_id, id, created_at, content, conversation_language,
           (%(role)s::text IS NULL OR role = %(role)s)
               AND (%(user_id)s::text IS NULL OR user_id = %(user_id)s) AS is_wanted,
           sum(octet_length(content)) OVER place - octet_length(content) AS bytes_before,
           row_number() OVER place = %(max_rows)s OR sum(octet_length(content)) OVER place >= %(max_bytes)s AS is_end
    FROM (
        SELECT * FROM conversation_messages
        WHERE tenant_id = %(tenant_id)s
          AND (%(session_id)s::uuid IS NULL OR session_id = %(session_id)s)
          AND (%(created_from)s::timestamptz IS NULL OR created_at >= %(created_from)s)
          AND (%(created_until)s::timestamptz IS NULL OR created_at < %(created_until)s)
          AND (%(cursor_id)s::uuid IS NULL OR (created_at, session_id, id)
               < (%(cursor_created_at)s::timestamptz, %(cursor_session_id)s::uuid, %(cursor_id)s))
        ORDER BY created_at DESC, session_id DESC, id DESC
        LIMIT %(max_rows)s) AS placed
    WINDOW place AS (ORDER BY created_at DESC, session_id DESC, id DESC ROWS UNBOUNDED PRECEDING)) AS examined
WHERE bytes_before < %(max_bytes)s
  AND (is_end OR is_wanted AND turnlog_search_matches(
          content, conversation_language, %(configurations)s::regconfig[], %(queries)s::tsquery[]))
ORDER BY examined.created_at DESC, examined.session_id DESC, examined.id DESC
LIMIT %(limit)s
