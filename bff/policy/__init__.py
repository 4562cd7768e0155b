"""RULES: decisions as plain functions of what was observed."""
