-- Binds: tenant_id, words, user_id. The words as a query of each configuration in which the tenant has conversations,
-- and as one query of the index, which finds what any of them finds and some more: it knows no order of words, nothing
-- of what must not be there, and of the scope only the tenant and the user. word_count: how many words are looked for
-- or excluded, over all configurations.
WITH RECURSIVE used AS (
    (SELECT turnlog_search_configuration(language) AS configuration FROM conversation_sessions
     WHERE tenant_id = %(tenant_id)s ORDER BY configuration LIMIT 1)
    UNION ALL
    SELECT (SELECT turnlog_search_configuration(language) FROM conversation_sessions
            WHERE tenant_id = %(tenant_id)s AND turnlog_search_configuration(language) > used.configuration
            ORDER BY turnlog_search_configuration(language) LIMIT 1)
    FROM used WHERE used.configuration IS NOT NULL
), chosen AS (
    SELECT configuration FROM used WHERE configuration IS NOT NULL
    UNION ALL
    SELECT 'pg_catalog.simple' WHERE NOT EXISTS (SELECT FROM used)
), asked AS (
    SELECT configuration, websearch_to_tsquery(configuration, %(words)s) AS query FROM chosen
), found AS (
    SELECT configuration, query, regexp_replace(querytree(query), '<[-0-9]+>', '&', 'g') AS indexed FROM asked
)
SELECT coalesce(array_agg(configuration::text) FILTER (WHERE indexed NOT IN ('', 'T')), '{}') AS configurations,
       coalesce(array_agg(query::text) FILTER (WHERE indexed NOT IN ('', 'T')), '{}') AS queries,
       '(' || string_agg(format('(%%s)', indexed), ' | ') FILTER (WHERE indexed NOT IN ('', 'T')) || ') & '''
           || array_to_string(turnlog_search_scope(%(tenant_id)s, %(user_id)s), ''' & ''') || '''' AS indexed,
       sum(numnode(query))::integer AS word_count
FROM found
