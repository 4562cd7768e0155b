"""The schema's history, oldest first. Additive: the Node app must be able to take over again."""
