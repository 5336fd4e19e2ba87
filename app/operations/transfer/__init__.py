"""Conversations on their way out of the store and into it: what `turnlog export` and `turnlog import` do."""
