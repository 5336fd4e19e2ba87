-- $ conversation uuid[], version bigint[], topic text[], state bytea[], command uuid[], tenant uuid[],
-- recorded_at timestamptz[]: one element an event
SELECT conversation::text, fault, version, added, present FROM turnlog_import_events(
    %s::uuid[], %s::bigint[], %s::text[], %b::bytea[], %s::uuid[], %s::uuid[], %s::timestamptz[])
