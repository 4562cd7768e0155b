"""OpenAI, simulated."""
