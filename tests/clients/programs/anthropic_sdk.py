"""Anthropic's Python SDK, of any major, told what to ask: JSON in on stdin, JSON out on stdout.

In and out as of openai_sdk.py. Run by tests/support/client_programs.py.
"""

import asyncio
import inspect
import json
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import anthropic

httpx = sys.modules.get("httpx2") or sys.modules["httpx"]  # whichever the SDK speaks through


async def awaited(value):
    return await value if inspect.isawaitable(value) else value


async def each(items) -> AsyncIterator:
    if hasattr(items, "__aiter__"):
        async for item in items:
            yield item
    else:
        for item in items:
            yield item


@asynccontextmanager
async def entered(manager):
    if hasattr(manager, "__aenter__"):
        async with manager as value:
            yield value
    else:
        with manager as value:
            yield value


# -- what was seen ---------------------------------------------------------------------------------


def shown(message, **more):
    calls = [block for block in message.content if block.type == "tool_use"]
    assert len({call.id for call in calls}) == len(calls), calls
    return {
        "text": "".join(block.text for block in message.content if block.type == "text"),
        "calls": [[call.name, call.input] for call in calls],
        "reason": message.stop_reason,
        "sequence": message.stop_sequence,
        "used": message.usage.input_tokens > 0 and message.usage.output_tokens > 0,
        **more,
    }


def complained(error):
    body = getattr(error, "body", None)
    body = body if isinstance(body, dict) else {}
    response = getattr(error, "response", None)
    if response is not None:
        assert response.headers["request-id"] == body.get("request_id"), body
    return {
        "error": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "type": body.get("error", {}).get("type"),
        "message": bool(body.get("error", {}).get("message")),
    }


# -- how it is asked -------------------------------------------------------------------------------


async def create(client, ask):
    message = await awaited(client.messages.create(**ask["body"]))
    return shown(message)


async def stream(client, ask):
    """By hand. The first event already says what was read."""
    kinds, texts, reason, used = [], [], None, []
    events = await awaited(client.messages.create(**ask["body"], stream=True))
    async for event in each(events):
        kinds.append(event.type)
        if event.type == "message_start":
            used.append(event.message.usage.input_tokens > 0)
        elif event.type == "content_block_delta" and event.delta.type == "text_delta":
            texts.append(event.delta.text)
        elif event.type == "message_delta":
            reason = event.delta.stop_reason
            used.append(event.usage.output_tokens > 0)
    assert (kinds[0], kinds[-1]) == ("message_start", "message_stop"), kinds
    return {"text": "".join(texts), "reason": reason, "used": used == [True, True]}


async def helper(client, ask):
    async with entered(client.messages.stream(**ask["body"])) as events:
        texts = [text async for text in each(events.text_stream)]
        message = await awaited(events.get_final_message())
    told = shown(message)
    assert "".join(texts) == told["text"], texts
    return told


async def loop(client, ask):
    """Calls are answered, and the SDK's own blocks are sent back with their results."""
    first = await awaited(client.messages.create(**ask["body"]))
    blocks = [block.model_dump(exclude_none=True) for block in first.content]
    results = [
        {
            "type": "tool_result",
            "tool_use_id": block.id,
            "content": ask["results"][block.name],
        }
        for block in first.content
        if block.type == "tool_use"
    ]
    turns = [
        *ask["body"]["messages"],
        {"role": "assistant", "content": blocks},
        {"role": "user", "content": results},
    ]
    return shown(await awaited(client.messages.create(**{**ask["body"], "messages": turns})))


async def count(client, ask):
    counted = await awaited(client.messages.count_tokens(**ask["body"]))
    return {"counted": counted.input_tokens > 0}


async def list_models(client, ask):
    return {"listed": ask["model"] in [model.id async for model in each(client.models.list())]}


async def retrieve_model(client, ask):
    model = await awaited(client.models.retrieve(ask["model"]))
    return {"found": (model.id, model.type) == (ask["model"], "model")}


HOW = {
    "create": create,
    "stream": stream,
    "helper": helper,
    "loop": loop,
    "count": count,
    "models": list_models,
    "model": retrieve_model,
}


async def answer(told, kind, ask):
    sent = []
    if kind == "sync":
        network = httpx.Client(event_hooks={"request": [sent.append]}, timeout=30)
        make = anthropic.Anthropic
    else:

        async def note(request):
            sent.append(request)

        network = httpx.AsyncClient(event_hooks={"request": [note]}, timeout=30)
        make = anthropic.AsyncAnthropic
    client = make(
        api_key=ask.get("key", told["key"]),
        base_url=told["url"] + ask.get("mount", ""),
        http_client=network,
        **({"max_retries": ask["max_retries"]} if "max_retries" in ask else {}),
    )
    try:
        seen = await HOW[ask["how"]](client, ask)
    except anthropic.AnthropicError as error:
        seen = complained(error)
    except Exception as error:  # noqa: BLE001 - told, whatever it is
        seen = {"crashed": repr(error)}
    finally:
        await awaited(client.close())
    return {**seen, "requests": len(sent)}


def main():
    told = json.load(sys.stdin)
    jobs = [(told, kind, ask) for kind in ("sync", "async") for ask in told["asks"]]
    seen = {"sync": {}, "async": {}}
    with ThreadPoolExecutor(8) as threads:
        outcomes = threads.map(lambda job: asyncio.run(answer(*job)), jobs)
        for (_, kind, ask), outcome in zip(jobs, outcomes, strict=True):
            seen[kind][ask["name"]] = outcome
    json.dump(seen, sys.stdout)


main()
