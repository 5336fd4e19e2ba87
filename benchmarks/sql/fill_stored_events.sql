-- Realistic history as fast as the server makes it: conversations of one length, some of them side by side at a time.
-- Binds: first and last, the events of this call, counted from 0; size, the events of a conversation; at_once, how many
-- conversations live side by side; first_conversation, the number of the first; since and spacing, when it started and
-- how much later each next one did; lasting, of so many conversations one has no end; tenants text[]; topics text[] and
-- templates text[], the JSON of each kind of event for `format`, and prose: from benchmarks/history.py.
INSERT INTO stored_events (originator_id, originator_version, topic, state, tenant_id, command_id, recorded_at)
SELECT format('%%s-7000-8000-%%s', begun, place)::uuid, version, (%(topics)s::text[])[kind],
       convert_to(format((%(templates)s::text[])[kind],
           format('%%s-7001-%%s-%%s', now, step, place),
           format('%%s-7002-%%s-%%s', now, step, place),
           to_char(occurred_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'),
           md5(number::text),
           format('%%s-7%%s%%s-8%%s-%%s', begun, CASE kind WHEN 3 THEN 'a' WHEN 6 THEN 'c' ELSE 'b' END,
               lpad(to_hex(turn / 4096), 2, '0'), lpad(to_hex(mod(turn, 4096)), 3, '0'), place),
           substr(%(prose)s, 1 + mod(number * 7919, 600)::int,
               CASE kind WHEN 3 THEN 30 + mod(number * 31, 120) ELSE 80 + mod(number * 37, 400) END::int),
           turn, tenant, mod(conversation, 10007)), 'UTF8'),
       tenant::uuid, format('%%s-7002-%%s-%%s', now, step, place)::uuid, occurred_at + interval '4 ms'
FROM (
    SELECT number, conversation, version, size, lasting, occurred_at, (version + 2) / 4 AS turn,
           CASE WHEN version = 1 THEN 1 WHEN version > size - 3 THEN 8 - size + version ELSE 2 + mod(version - 2, 4)
           END AS kind,
           (%(tenants)s::text[])[1 + mod(conversation, cardinality(%(tenants)s::text[]))] AS tenant,
           lpad(to_hex(conversation), 12, '0') AS place,
           '8' || lpad(to_hex(mod(version, 4096)), 3, '0') AS step,
           overlay(lpad(to_hex((extract(epoch FROM started_at) * 1000)::bigint), 12, '0') PLACING '-' FROM 9 FOR 0)
               AS begun,
           overlay(lpad(to_hex((extract(epoch FROM occurred_at) * 1000)::bigint), 12, '0') PLACING '-' FROM 9 FOR 0)
               AS now
    FROM (
        SELECT numbered.*, first_conversation + ordinal AS conversation, since + ordinal * spacing AS started_at,
               since + ordinal * spacing + version * interval '3 s' AS occurred_at
        FROM (
            SELECT number, given.*, 1 + mod(number / at_once, size) AS version,
                   number / (at_once * size) * at_once + mod(number, at_once) AS ordinal
            FROM (SELECT %(size)s::bigint AS size, %(at_once)s::bigint AS at_once, %(lasting)s::bigint AS lasting,
                         %(first_conversation)s::bigint AS first_conversation, %(since)s::timestamptz AS since,
                         %(spacing)s::interval AS spacing) given,
                 generate_series(%(first)s::bigint, %(last)s::bigint) AS number
            OFFSET 0) numbered -- kept apart, so that what is used several times is worked out once
        OFFSET 0) timed
    OFFSET 0) event
WHERE version < size OR mod(conversation, lasting) > 0
ORDER BY number
