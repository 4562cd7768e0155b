"""STREET: aiohttp only: bytes in, bytes out, no decisions."""
