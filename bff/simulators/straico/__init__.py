"""Straico, simulated: three endpoints, coins, and models without a tool API."""
