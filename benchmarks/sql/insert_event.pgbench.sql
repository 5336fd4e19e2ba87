-- The same insert for pgbench: a conversation for each connection, with rising versions. Start with -D version=0.
\set version :version + 1
INSERT INTO stored_events (originator_id, originator_version, topic, state)
VALUES (CAST(overlay('00000000-0000-0000-0000-000000000000' PLACING to_char(CAST(:client_id AS int), 'FM00000000') FROM 1) AS uuid), :version, :topic, :state);
