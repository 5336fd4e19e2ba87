"""`turnlog show`: a conversation of a running service, from its first event to any point of its history."""
