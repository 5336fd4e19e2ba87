-- Binds: live, new (names of tables), suffix (of the new one's number, such as _v2). What makes the indexes of the live
-- table on the new one, where they are missing; an index of a constraint is made with its constraint.
WITH wanted AS (
    SELECT index.oid, index.relname AS live_name, made_by.oid AS constraint_oid,
           CASE WHEN strpos(index.relname, %(live)s) > 0 THEN replace(index.relname, %(live)s, %(new)s)
                ELSE left(regexp_replace(index.relname, '_v\d+$', ''), 58) || %(suffix)s END AS name
    FROM pg_index
    JOIN pg_class AS index ON index.oid = pg_index.indexrelid
    LEFT JOIN pg_constraint AS made_by ON made_by.conindid = index.oid AND made_by.contype IN ('p', 'u')
    WHERE pg_index.indrelid = %(live)s::regclass
)
SELECT name,
       CASE WHEN constraint_oid IS NOT NULL
            THEN format('ALTER TABLE %%I ADD CONSTRAINT %%I %%s', %(new)s::text, name, pg_get_constraintdef(constraint_oid))
            ELSE replace(replace(pg_get_indexdef(oid), format(' %%I ON ', live_name), format(' %%I ON ', name)),
                         format('%%I USING ', %(live)s::text), format('%%I USING ', %(new)s::text)) END AS definition
FROM wanted
WHERE NOT EXISTS (
    SELECT FROM pg_index AS made JOIN pg_class ON pg_class.oid = made.indexrelid
    WHERE made.indrelid = %(new)s::regclass AND pg_class.relname = wanted.name)
ORDER BY constraint_oid IS NULL, name
