-- Binds: indexed, max_candidates. How many messages the index names, as far as they are worth counting: one more than
-- max_candidates stands for all beyond.
SELECT count(*)::integer AS candidates
FROM (SELECT FROM conversation_messages
      WHERE turnlog_search_vector(content, conversation_language, tenant_id, user_id) @@ %(indexed)s::tsquery
      LIMIT %(max_candidates)s + 1) AS candidate
