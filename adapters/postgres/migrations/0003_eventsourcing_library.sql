-- What the recorders of the `eventsourcing` library need beside stored_events. They create nothing themselves.

-- The rows of an insert travel as an array of these.
CREATE TYPE stored_event_uuid AS (originator_id uuid, originator_version bigint, topic text, state bytea);

CREATE TABLE notification_tracking (
    tracker          text   NOT NULL,
    application_name text   NOT NULL,
    notification_id  bigint NOT NULL,
    PRIMARY KEY (tracker, application_name)
);
COMMENT ON TABLE notification_tracking IS 'how far each tracking recorder of the library has come';
COMMENT ON COLUMN notification_tracking.tracker IS 'whose it is: two projections of one application go at their own pace';

CREATE TABLE stored_snapshots (
    originator_id      uuid   NOT NULL,
    originator_version bigint NOT NULL,
    topic              text   NOT NULL,
    state              bytea  NOT NULL,
    PRIMARY KEY (originator_id, originator_version)
);
COMMENT ON TABLE stored_snapshots IS 'of the library''s aggregates; may be deleted, unlike events';
