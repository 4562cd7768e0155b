"""RULES: Atlassian Connect: tokens, query string hash, descriptor, allowed hosts."""
