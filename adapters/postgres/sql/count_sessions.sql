-- The conversations of all tenants, and those of them that live. The living have an index of their own.
SELECT (SELECT count(*) FROM conversation_sessions WHERE is_active = TRUE) AS active,
       (SELECT count(*) FROM conversation_sessions) AS total
