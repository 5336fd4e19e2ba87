-- Of the tables {live} and {new}, whose rows name their {conversation}. All rows of both, and a hash that no order changes.
SELECT count(live.hash), to_hex(coalesce(bit_xor(live.hash), 0)), count(new.hash), to_hex(coalesce(bit_xor(new.hash), 0)),
       count(*) FILTER (WHERE live.hash IS DISTINCT FROM new.hash),
       min(conversation::text) FILTER (WHERE live.hash IS DISTINCT FROM new.hash)
FROM (SELECT row.id AS key, row.{conversation} AS conversation, hash_record_extended(row, 0) AS hash
      FROM {live} AS row) AS live
FULL JOIN (SELECT row.id AS key, row.{conversation} AS conversation, hash_record_extended(row, 0) AS hash
           FROM {new} AS row) AS new USING (key, conversation)
