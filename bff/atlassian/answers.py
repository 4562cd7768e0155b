"""An answer's body, of a bounded size: nobody may say more than we want to hear."""

import aiohttp


async def read_at_most(response: aiohttp.ClientResponse, most: int) -> bytes | None:
    """None when there are more than *most* bytes."""
    body = bytearray()
    async for piece in response.content.iter_any():
        body += piece
        if len(body) > most:
            return None
    return bytes(body)
