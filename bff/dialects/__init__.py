"""RULES: how others speak, their JSON and bytes to and from our words."""
