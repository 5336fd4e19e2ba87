"""Plays dialogues into a running service, over its public interfaces only, and checks whatever comes back."""
