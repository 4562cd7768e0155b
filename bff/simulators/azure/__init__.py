"""Azure OpenAI, simulated."""
