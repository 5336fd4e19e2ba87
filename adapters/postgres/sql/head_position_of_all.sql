SELECT coalesce(max(notification_id), 0) FROM all_stored_events
