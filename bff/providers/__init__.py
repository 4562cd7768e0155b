"""OUTSIDE: vendors that answer. The table: a name, and how to open it."""
