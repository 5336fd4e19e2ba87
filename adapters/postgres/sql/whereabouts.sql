-- Binds nothing. Anybody may ask.
SELECT (SELECT oid FROM pg_database WHERE datname = current_database()), 'stored_events'::regclass::oid
