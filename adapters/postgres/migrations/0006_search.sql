-- Full-text search over messages, each in the language of its conversation, and indexes for every filter of the lists.
-- The functions are of index expressions: they may never fail, and what they give for the same arguments never changes.

CREATE FUNCTION turnlog_search_configuration(language text) RETURNS regconfig
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE lower(split_part(replace(language, '_', '-'), '-', 1))
    WHEN 'ar' THEN 'pg_catalog.arabic'::regconfig
    WHEN 'ca' THEN 'pg_catalog.catalan'::regconfig
    WHEN 'da' THEN 'pg_catalog.danish'::regconfig
    WHEN 'de' THEN 'pg_catalog.german'::regconfig
    WHEN 'el' THEN 'pg_catalog.greek'::regconfig
    WHEN 'en' THEN 'pg_catalog.english'::regconfig
    WHEN 'es' THEN 'pg_catalog.spanish'::regconfig
    WHEN 'eu' THEN 'pg_catalog.basque'::regconfig
    WHEN 'fi' THEN 'pg_catalog.finnish'::regconfig
    WHEN 'fr' THEN 'pg_catalog.french'::regconfig
    WHEN 'ga' THEN 'pg_catalog.irish'::regconfig
    WHEN 'hi' THEN 'pg_catalog.hindi'::regconfig
    WHEN 'hu' THEN 'pg_catalog.hungarian'::regconfig
    WHEN 'hy' THEN 'pg_catalog.armenian'::regconfig
    WHEN 'id' THEN 'pg_catalog.indonesian'::regconfig
    WHEN 'it' THEN 'pg_catalog.italian'::regconfig
    WHEN 'lt' THEN 'pg_catalog.lithuanian'::regconfig
    WHEN 'nb' THEN 'pg_catalog.norwegian'::regconfig
    WHEN 'ne' THEN 'pg_catalog.nepali'::regconfig
    WHEN 'nl' THEN 'pg_catalog.dutch'::regconfig
    WHEN 'nn' THEN 'pg_catalog.norwegian'::regconfig
    WHEN 'no' THEN 'pg_catalog.norwegian'::regconfig
    WHEN 'pt' THEN 'pg_catalog.portuguese'::regconfig
    WHEN 'ro' THEN 'pg_catalog.romanian'::regconfig
    WHEN 'ru' THEN 'pg_catalog.russian'::regconfig
    WHEN 'sr' THEN 'pg_catalog.serbian'::regconfig
    WHEN 'sv' THEN 'pg_catalog.swedish'::regconfig
    WHEN 'ta' THEN 'pg_catalog.tamil'::regconfig
    WHEN 'tr' THEN 'pg_catalog.turkish'::regconfig
    WHEN 'yi' THEN 'pg_catalog.yiddish'::regconfig
    ELSE 'pg_catalog.simple'::regconfig
END;
COMMENT ON FUNCTION turnlog_search_configuration IS
    'how messages of a conversation in this language (a BCP 47 tag) are searched; simple: word by word as they stand';

-- The parser of Postgres looks for addresses, paths and tags, and goes back to where it began for each that is none: over
-- some texts, such as `z9@z9@z9@...`, for minutes. Without signs there are words and numbers, and one pass. Character for
-- character, so that a word has its place in both texts; the last two are the marks of a headline.
CREATE FUNCTION turnlog_search_text(content text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN translate(content, E'!"#$%&''()*+,-./:;<=>?@[\\]^_`{|}~\x02\x03', repeat(' ', 34));
COMMENT ON FUNCTION turnlog_search_text IS 'the content with spaces for all signs of ASCII: what is searched in';

-- No word of a text begins with a space, so these lexemes are nobody's words. An index scan that asks for the tenant's
-- fetches no row of another tenant. Users go by a hash: their names are long, and the row itself is asked as well.
CREATE FUNCTION turnlog_search_scope(tenant_id uuid, user_id text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN array_remove(
    ARRAY[' tenant ' || tenant_id::text, ' user ' || hashtextextended(user_id, 0)::text], NULL);
COMMENT ON FUNCTION turnlog_search_scope IS 'the lexemes that stand in the search index for whose message it is';

CREATE FUNCTION turnlog_search_vector(content text, language text, tenant_id uuid, user_id text) RETURNS tsvector
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN to_tsvector(turnlog_search_configuration(language), turnlog_search_text(content))
    || array_to_tsvector(turnlog_search_scope(tenant_id, user_id));
COMMENT ON FUNCTION turnlog_search_vector IS 'what the search index holds of a message';

-- The words of a search are made a query of each configuration once, not once for each row.
CREATE FUNCTION turnlog_search_query(language text, configurations regconfig[], queries tsquery[]) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN queries[array_position(configurations, turnlog_search_configuration(language))];
COMMENT ON FUNCTION turnlog_search_query IS 'the one of the queries that is meant for this language; null where none is';

CREATE FUNCTION turnlog_search_matches(content text, language text, configurations regconfig[], queries tsquery[])
RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN coalesce(to_tsvector(turnlog_search_configuration(language), turnlog_search_text(content))
    @@ turnlog_search_query(language, configurations, queries), false);
COMMENT ON FUNCTION turnlog_search_matches IS 'whether a message has the words, by the rules of its own language';

-- New messages wait in a list, which every search reads through, until they are merged in. It is kept short: so are the
-- pauses of the projection that merges it.
CREATE INDEX conversation_messages_v1_search_idx ON conversation_messages_v1
    USING gin (turnlog_search_vector(content, conversation_language, tenant_id, user_id))
    WITH (gin_pending_list_limit = 256);
CREATE INDEX conversation_messages_v1_newest_idx ON conversation_messages_v1 (tenant_id, created_at);
CREATE INDEX conversation_sessions_v1_language_idx ON conversation_sessions_v1
    (tenant_id, turnlog_search_configuration(language));

-- Lists. The order is that of the start; with the end in the same index, a range of ends is looked for without the rows.
DROP INDEX conversation_sessions_v1_newest_idx;
CREATE INDEX conversation_sessions_v1_newest_idx ON conversation_sessions_v1
    (tenant_id, started_at DESC, id DESC, ended_at);
CREATE INDEX conversation_sessions_v1_tenant_ended_idx ON conversation_sessions_v1 (tenant_id, ended_at)
    WHERE ended_at IS NOT NULL;

-- Those that live are few among all there ever were; a filter by their states looks through them alone.
CREATE INDEX conversation_sessions_v1_living_idx ON conversation_sessions_v1
    (tenant_id, started_at DESC, id DESC) WHERE is_active;

CREATE FUNCTION turnlog_tenant_metadata(tenant_id uuid, metadata jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN jsonb_set(('{"tenant": "' || tenant_id::text || '"}')::jsonb, '{metadata}', metadata);
COMMENT ON FUNCTION turnlog_tenant_metadata IS 'metadata together with whose it is, so that one index answers for both';

CREATE INDEX conversation_sessions_v1_metadata_idx ON conversation_sessions_v1
    USING gin (turnlog_tenant_metadata(tenant_id, metadata) jsonb_path_ops);

DO $$
BEGIN
    GRANT EXECUTE ON FUNCTION turnlog_search_configuration, turnlog_search_scope, turnlog_search_vector,
        turnlog_search_query, turnlog_search_matches, turnlog_search_text, turnlog_tenant_metadata TO turnlog_application;
EXCEPTION WHEN undefined_object THEN
    NULL;
END $$;
