"""OUTSIDE: logs and metrics; nothing here ever sees a prompt, a token or a key."""
