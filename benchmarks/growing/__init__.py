"""What becomes of Turnlog when the store, a conversation or the number of those that live has grown."""
