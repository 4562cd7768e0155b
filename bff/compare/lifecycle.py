"""A throw-away tenant for each service, and the host that publishes the key its installs are signed
with: both services must have been started with that host as Atlassian's.
"""

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

from aiohttp import web
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from bff.compare.running import Side, called_by
from bff.compare.tokens import Signing


def new_signing() -> Signing:
    return Signing(_new_key(), f"bff-compare-{secrets.token_hex(8)}", _new_key())


def called_by_a_new_tenant(side: Side, signing: Signing) -> Side:
    """Each service has its own, for the two may share a database."""
    tenant = called_by(
        side,
        f"bff-compare-{secrets.token_hex(12)}",
        secrets.token_urlsafe(32),
        secrets.token_urlsafe(32),
    )
    return replace(tenant, identity=replace(tenant.identity, signing=signing))


@asynccontextmanager
async def open_key_host(signing: Signing, host: str, port: int) -> AsyncIterator[str]:
    """Publishes the key under its name below any path; yields the base URL. Raises OSError."""
    pem = signing.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)

    async def publish(request: web.Request) -> web.Response:
        if request.match_info["path"].rpartition("/")[2] != signing.key_id:
            return web.Response(status=404)
        return web.Response(body=pem, content_type="application/x-pem-file")

    app = web.Application()
    app.router.add_get("/{path:.*}", publish)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield f"http://{host}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


def _new_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)
