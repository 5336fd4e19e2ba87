-- Mean size of the stored states, and mean events in one transaction: rows of one flush share their xmin.
SELECT (SELECT avg(length(state))::float8 FROM stored_events) AS event_bytes,
       (SELECT avg(events)::float8 FROM (SELECT count(*) AS events FROM stored_events GROUP BY xmin) AS flush) AS batch_size
