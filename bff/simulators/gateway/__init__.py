"""Cloudflare's AI Gateway, simulated."""
