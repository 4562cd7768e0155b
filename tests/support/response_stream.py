"""A streamed response as its caller reads it: frame by frame, by the grammar, by the SDK."""

import json
from collections.abc import Sequence
from typing import Any

import httpx2
from openai import OpenAI
from openai.types.responses import ParsedResponse

HEADS = ["response.created", "response.in_progress"]
ENDS = ("response.completed", "response.incomplete", "response.failed")
_DELTAS = {
    "message": ("response.output_text.delta", "response.output_text.done", "text"),
    "function_call": (
        "response.function_call_arguments.delta",
        "response.function_call_arguments.done",
        "arguments",
    ),
}


def values(body: bytes) -> list[Any]:
    """Each event. Every frame must be its name and one ASCII line, named as its type says."""
    assert body.isascii()
    assert body.endswith(b"\n\n")
    events = []
    for frame in body.decode().removesuffix("\n\n").split("\n\n"):
        name, data = frame.split("\n")
        assert data.startswith("data: ")
        event = json.loads(data.removeprefix("data: "))
        assert name == f"event: {event['type']}"
        events.append(event)
    return events


def names(events: Sequence[Any]) -> list[str]:
    return [event["type"] for event in events]


def follow(events: Sequence[Any]) -> Any:
    """The last response, of events that keep to the grammar: it begins and ends once, so does each
    item, under rising numbers, and in one id, time and model.
    """
    numbers = [event["sequence_number"] for event in events]
    assert numbers == sorted(set(numbers))
    assert names(events)[:2] == HEADS
    assert [name for name in names(events) if name in (*HEADS, *ENDS)] == [
        *HEADS,
        events[-1]["type"],
    ]
    last = events[-1]["response"]
    for event in events:
        if "response" in event:
            told = event["response"]
            assert all(told[name] == last[name] for name in ("id", "created_at", "model"))
    output = _items(events[2:-1])
    if last["status"] != "failed":
        assert output == last["output"]
    return last


def _items(events: Sequence[Any]) -> list[Any]:
    open_: dict[int, Any] = {}
    said: dict[int, str] = {}
    done: dict[int, Any] = {}
    for event in events:
        if event["type"] == "error":
            continue
        place, type_ = event["output_index"], event["type"]
        if type_ == "response.output_item.added":
            assert place == len(open_) + len(done)
            open_[place], said[place] = event["item"], ""
            continue
        item = open_[place]
        delta, told, field = _DELTAS[item["type"]]
        assert event.get("item_id", item["id"]) == item["id"]
        if type_ == delta:
            assert event["delta"]
            said[place] += event["delta"]
        elif type_ == told:
            assert event[field] == said[place]
        elif type_ == "response.output_item.done":
            del open_[place]
            done[place] = event["item"]
            assert _said(event["item"]) == said[place]
        else:
            assert type_.startswith("response.content_part.")
    return [item for _, item in sorted(done.items())]


def _said(item: Any) -> str:
    return item["arguments"] if "arguments" in item else item["content"][0]["text"]  # type: ignore[no-any-return]


def accumulated(body: bytes) -> ParsedResponse[None]:
    """What the SDK's own stream helper makes of it: of its last event, for it only keeps a response
    that was completed.
    """

    def answer(_: httpx2.Request) -> httpx2.Response:
        headers = {"content-type": "text/event-stream; charset=utf-8"}
        return httpx2.Response(200, headers=headers, content=body)

    transport = httpx2.MockTransport(answer)
    with (
        httpx2.Client(transport=transport) as http,
        OpenAI(api_key="k", base_url="http://bff/v1", http_client=http) as client,
        client.responses.stream(model="m", input="hello") as stream,
    ):
        *_, last = stream
        assert last.type in ENDS
        return last.response  # type: ignore[return-value, union-attr]
