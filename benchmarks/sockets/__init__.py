"""Servers that hold WebSockets, each a process of its own, and the process that puts load on them."""
