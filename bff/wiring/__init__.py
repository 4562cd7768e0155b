"""The one room that knows everybody: Settings in, an application out.

`create_app` is the factory for any aiohttp-capable server (gunicorn: `bff.wiring:create_app`).
"""

from bff.wiring.application import (
    ALL_JS,
    SystemClock,
    build_app,
    connect_facts,
    create_app,
    descriptor_template,
    open_services,
)

__all__ = [
    "ALL_JS",
    "SystemClock",
    "build_app",
    "connect_facts",
    "create_app",
    "descriptor_template",
    "open_services",
]
