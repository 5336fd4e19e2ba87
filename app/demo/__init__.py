"""A service, its audience and its actors, for somebody who wants to see what it is about."""
