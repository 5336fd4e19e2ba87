-- $ conversation, version, topic, state, command, tenant
SELECT _position, _recorded_at FROM turnlog_append_one(%s::uuid, %s, %s, %b, %s::uuid, %s::uuid)
