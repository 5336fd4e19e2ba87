-- $ conversation uuid[], version bigint[], topic text[], state bytea[], command uuid[], tenant uuid[]: one element an event
SELECT _position, _recorded_at FROM turnlog_append_batch(
    %s::uuid[], %s::bigint[], %s::text[], %b::bytea[], %s::uuid[], %s::uuid[])
