"""OUTSIDE: what must last, in the Node app's own database."""
