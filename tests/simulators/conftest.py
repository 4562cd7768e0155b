"""A world with the vendors in it, and ways to ask them."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from bff.simulators.gateway.simulator import GatewaySimulator
from bff.simulators.openai.simulator import OpenAISimulator
from bff.simulators.world import World, open_world


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=20)) as session:
        yield session


@pytest.fixture
async def world() -> AsyncIterator[World]:
    async with open_world() as world:
        yield world


@pytest.fixture
def openai(world: World) -> OpenAISimulator:
    return world.openai


@pytest.fixture
def gateway(world: World) -> GatewaySimulator:
    return world.gateway


@pytest.fixture
def openai_url(world: World) -> str:
    return f"{world.openai_url}/chat/completions"


@pytest.fixture
def gateway_url(world: World) -> str:
    return f"{world.gateway_url}/account/gateway/openai/chat/completions"
