-- Binds: name, conversation.
DELETE FROM projection_dead_letters WHERE checkpoint = %s AND conversation_id = %s
