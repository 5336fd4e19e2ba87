"""The databases that Turnlog replaces, read as they are and taken in as conversations.

Rows come as text (`rows`, `columns`), are put right by rules that have names (`repairs`, `timeline`), and become
commands (`mapping`) that the writer of `app.operations.transfer` decides like any others. What was put right is told
(`report`).
"""
