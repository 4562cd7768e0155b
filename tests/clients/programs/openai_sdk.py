"""OpenAI's Python SDK, of any major, told what to ask: JSON in on stdin, JSON out on stdout.

In: {"url", "key", "asks": [{"name", "how", ...}]}; out: for each of the SDK's clients ("sync" and
"async"), by the ask's name, what a program behind it saw. Each ask has a client of its own, whose
requests are counted.
Run by tests/support/client_programs.py.
"""

import asyncio
import inspect
import json
import sys
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

import openai
import pydantic

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


def shown(answer, reason=None, usage=None, **more):
    """Of a message, whole or gathered by the SDK."""
    calls = answer.tool_calls or []
    assert all(call.type == "function" and call.id for call in calls), calls
    assert len({call.id for call in calls}) == len(calls), calls
    return {
        "text": answer.content,
        "calls": [[c.function.name, json.loads(c.function.arguments)] for c in calls],
        "reason": reason,
        "used": used(usage),
        **more,
    }


def used(usage):
    """Whether anything was told of it, and all of it is counted."""
    if usage is None:
        return None
    assert usage.prompt_tokens + usage.completion_tokens == usage.total_tokens, usage
    return usage.prompt_tokens > 0 and usage.completion_tokens > 0


def complained(error):
    body = error.body if isinstance(getattr(error, "body", None), dict) else {}
    told = {
        "error": type(error).__name__,
        "status": getattr(error, "status_code", None),
        "code": getattr(error, "code", None),
        "param": getattr(error, "param", None),
        "message": bool(body.get("message")),
    }
    response = getattr(error, "response", None)
    if response is not None:
        assert response.headers["x-request-id"] == body.get("request_id"), body
    return told


# -- how it is asked -------------------------------------------------------------------------------


async def create(client, ask):
    completion = await awaited(client.chat.completions.create(**ask["body"]))
    [choice] = completion.choices
    legacy = choice.message.function_call
    if legacy is not None:
        return {
            "legacy": [legacy.name, json.loads(legacy.arguments)],
            "reason": choice.finish_reason,
        }
    return shown(choice.message, choice.finish_reason, completion.usage)


async def stream(client, ask):
    """By hand, as programs did it before there was a helper."""
    texts, calls, reason, usage, heads = [], {}, None, None, set()
    body = {**ask["body"]}
    more = {"stream_options": body.pop("stream_options", None)}  # the oldest has no name for it
    chunks = await awaited(client.chat.completions.create(**body, extra_body=more, stream=True))
    async for chunk in each(chunks):
        heads.add((chunk.id, chunk.created, chunk.model))
        usage = getattr(chunk, "usage", None) or usage
        for choice in chunk.choices:
            texts += [choice.delta.content] if choice.delta.content else []
            reason = choice.finish_reason or reason
            for call in choice.delta.tool_calls or ():
                _, said = calls.setdefault(call.index, (call.function.name, []))
                said.append(call.function.arguments or "")
    assert len(heads) == 1, heads
    assert not texts or len(texts) > 1, texts
    if isinstance(usage, dict):  # the oldest does not know that a chunk may have one
        usage = openai.types.CompletionUsage(**usage)
    return {
        "text": "".join(texts),
        "calls": [[name, json.loads("".join(said))] for _, (name, said) in sorted(calls.items())],
        "reason": reason,
        "used": used(usage),
    }


async def helper(client, ask):
    async with entered(client.chat.completions.stream(**ask["body"])) as events:
        kinds = [event.type async for event in each(events)]
        completion = await awaited(events.get_final_completion())
    [choice] = completion.choices
    assert kinds[0] == "chunk", kinds
    return shown(choice.message, choice.finish_reason, completion.usage)


async def loop(client, ask):
    """Calls are answered, and the SDK's own message is sent back with their results."""
    first = await awaited(client.chat.completions.create(**ask["body"]))
    message = first.choices[0].message
    said = message.model_dump(exclude_none=ask.get("exclude_none", False))
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": ask["results"][call.function.name]}
        for call in message.tool_calls
    ]
    turns = [*ask["body"]["messages"], said, *results]
    second = await awaited(client.chat.completions.create(**{**ask["body"], "messages": turns}))
    return shown(second.choices[0].message, second.choices[0].finish_reason, second.usage)


async def list_models(client, ask):
    return {"listed": ask["model"] in [model.id async for model in each(client.models.list())]}


async def retrieve_model(client, ask):
    model = await awaited(client.models.retrieve(ask["model"]))
    return {"found": (model.id, model.object) == (ask["model"], "model")}


class Answer(pydantic.BaseModel):
    answer: str


async def parse(client, ask):
    parsed = await awaited(client.chat.completions.parse(**ask["body"], response_format=Answer))
    return {"answer": parsed.choices[0].message.parsed.answer}


async def respond_parsed(client, ask):
    parsed = await awaited(client.responses.parse(**ask["body"], text_format=Answer))
    return {"answer": parsed.output_parsed.answer}


async def respond(client, ask):
    return responded(await awaited(client.responses.create(**ask["body"])))


async def respond_streamed(client, ask):
    """By the helper, which gathers the response and checks the order of its events."""
    async with entered(client.responses.stream(**ask["body"])) as events:
        numbers = [event.sequence_number async for event in each(events)]
        response = await awaited(events.get_final_response())
    assert numbers == sorted(set(numbers)), numbers
    return responded(response)


async def respond_loop(client, ask):
    """The response's own items are sent back, with the results of its calls."""
    first = await awaited(client.responses.create(**ask["body"]))
    results = [
        {"type": "function_call_output", "call_id": i.call_id, "output": ask["results"][i.name]}
        for i in first.output
        if i.type == "function_call"
    ]
    turns = [
        {"role": "user", "content": ask["body"]["input"]},
        *(item.model_dump(exclude_none=True) for item in first.output),
        *results,
    ]
    return responded(await awaited(client.responses.create(**{**ask["body"], "input": turns})))


def responded(response):
    usage = response.usage
    return {
        "text": response.output_text,
        "calls": [
            [item.name, json.loads(item.arguments)]
            for item in response.output
            if item.type == "function_call"
        ],
        "reason": response.status,
        "used": usage.input_tokens > 0 and usage.output_tokens > 0,
    }


HOW = {
    "create": create,
    "stream": stream,
    "helper": helper,
    "loop": loop,
    "models": list_models,
    "model": retrieve_model,
    "parse": parse,
    "respond": respond,
    "respond_parsed": respond_parsed,
    "respond_streamed": respond_streamed,
    "respond_loop": respond_loop,
}


async def answer(told, kind, ask):
    sent = []
    if kind == "sync":
        network = httpx.Client(event_hooks={"request": [sent.append]}, timeout=30)
        make = openai.OpenAI
    else:

        async def count(request):
            sent.append(request)

        network = httpx.AsyncClient(event_hooks={"request": [count]}, timeout=30)
        make = openai.AsyncOpenAI
    options = {"max_retries": ask["max_retries"]} if "max_retries" in ask else {}
    client = make(
        api_key=ask.get("key", told["key"]),
        base_url=f"{told['url']}/v1",
        http_client=network,
        **options,
    )
    try:
        seen = await HOW[ask["how"]](client, ask)
    except openai.OpenAIError as error:
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
