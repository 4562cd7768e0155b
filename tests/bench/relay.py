"""The peer: what aiohttp itself costs. Every POST is passed on, every chunk passed back as it comes.

No token, no check, no reading of events, no repair, no log. Its own process.
"""

import asyncio
import sys

import aiohttp
import uvloop
from aiohttp import web


async def _serve(upstream: str) -> None:
    connector = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def relay(request: web.Request) -> web.StreamResponse:
            body = await request.read()
            headers = {"Content-Type": "application/json", "Authorization": "Bearer key"}
            async with session.post(upstream, data=body, headers=headers) as answer:
                response = web.StreamResponse(headers={"Content-Type": answer.content_type})
                await response.prepare(request)
                async for chunk in answer.content.iter_any():
                    await response.write(chunk)
                await response.write_eof()
            return response

        app = web.Application()
        app.router.add_post("/", relay)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0, backlog=4096).start()
        print(runner.addresses[0][1], flush=True)  # noqa: T201 - told to the bench
        await asyncio.Event().wait()


if __name__ == "__main__":
    sys.exit(uvloop.run(_serve(sys.argv[1])))
