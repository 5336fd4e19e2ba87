-- Of the tables {live} and {new}, whose rows name their {conversation}. All rows of both, and a hash that no order changes.
WITH live AS MATERIALIZED (
    SELECT row.id AS key, row.{conversation} AS conversation, hashtextextended(row::text, 0) AS hash FROM {live} AS row
), new AS MATERIALIZED (
    SELECT row.id AS key, row.{conversation} AS conversation, hashtextextended(row::text, 0) AS hash FROM {new} AS row
), different AS (
    SELECT coalesce(live.conversation, new.conversation) AS conversation
    FROM live FULL JOIN new USING (key, conversation) WHERE live.hash IS DISTINCT FROM new.hash
)
SELECT (SELECT count(*) FROM live), (SELECT to_hex(coalesce(bit_xor(hash), 0)) FROM live),
       (SELECT count(*) FROM new), (SELECT to_hex(coalesce(bit_xor(hash), 0)) FROM new),
       (SELECT count(*) FROM different), (SELECT min(conversation::text) FROM different)
