"""Shows a live conversation, or all of them, at a terminal."""
