-- One event of one conversation. Binds: originator_id uuid, originator_version bigint, topic text, state bytea.
INSERT INTO stored_events (originator_id, originator_version, topic, state) VALUES (%s, %s, %s, %s)
