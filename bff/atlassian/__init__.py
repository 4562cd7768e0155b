"""OUTSIDE: calls to Atlassian."""
