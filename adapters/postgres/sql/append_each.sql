-- $ number int[] (which command of the batch), then as in append_batch.sql
SELECT number, outcome, head, last_position, recorded_at FROM turnlog_append_each(
    %s::int[], %s::uuid[], %s::bigint[], %s::text[], %b::bytea[], %s::uuid[], %s::uuid[])
