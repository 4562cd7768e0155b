"""What every client asks, and what its program must see: one table for each protocol.

The answers are the embedded model's (bff/simulators/embedded_model.py), so that any vendor behind
any face gives the same. Source: api-faces.md §10, items 1, 2.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from bff.simulators import embedded_model

QUESTION = "What is it? Grüße, \U0001f44b"
ANSWER = embedded_model.answer(QUESTION)
WISH = 'weather {"city": "Köln"} and now'
CALLS = [["weather", {"city": "Köln"}], ["now", {}]]
RESULTS = {"weather": "rain ☔", "now": "12:00"}
TOLD = "The tool says: rain ☔\n12:00"
_TOLD_APART = {
    "openai": {"text": "The tool says: 12:00"},  # each result is a message: it hears the last
    "straico": {"text": "The tool says: rain ☔\nThe tool says: 12:00"},
}
PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
EVERY = ("openai", "anthropic", "straico")
_SCHEMA = {
    "type": "object",
    "properties": {"city": {"type": "string"}},
    "additionalProperties": False,
}
TOOLS = ("weather", "now")


@dataclass(frozen=True)
class Scenario:
    """*ask* is what a program is told, without the model; *seen* what it must report, with the
    number of its requests. *vendors* answer it; of the SDKs those that are new enough know it.
    """

    name: str
    ask: dict[str, Any]
    seen: dict[str, Any]
    vendors: Sequence[str] = EVERY
    not_in: tuple[str, ...] = ()  # versions of the SDK
    only_in: str = ""  # python: other SDKs do it otherwise
    others: dict[str, dict[str, Any]] = field(default_factory=dict)  # what differs at a vendor

    def seen_at(self, vendor: str) -> dict[str, Any]:
        return {**self.seen, **self.others.get(vendor, {})}

    def told(self, model: str) -> dict[str, Any]:
        body = {"model": model, **self.ask.get("body", {})}
        return {**self.ask, "body": body, "model": model, "name": self.name}


def _seen(text: str | None, reason: str, **more: Any) -> dict[str, Any]:
    return {"text": text, "calls": [], "reason": reason, "used": True, "requests": 1, **more}


# -- chat completions ------------------------------------------------------------------------------

_ASKED = {"messages": [{"role": "user", "content": QUESTION}]}
_FUNCTIONS = [{"name": name, "description": f"the {name}", "parameters": _SCHEMA} for name in TOOLS]
_WISHED = {
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": WISH}],
    "tools": [{"type": "function", "function": function} for function in _FUNCTIONS],
}
_STRICT = [
    {"type": "function", "function": {**function, "strict": True}} for function in _FUNCTIONS
]
_USAGE = {"stream_options": {"include_usage": True}}
_HISTORY = [
    {"role": "user", "content": WISH},
    {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "now", "arguments": "{}"}}
        ],
    },
]
_NO_HELPER = ("1.10.0",)
_STOPPING = ("anthropic", "straico")  # OpenAI's stand-in never stops where it is told to

CHAT = (
    Scenario("chat", {"how": "create", "body": _ASKED}, _seen(ANSWER, "stop")),
    Scenario(
        "stream, no usage asked for",
        {"how": "stream", "body": _ASKED},
        _seen(ANSWER, "stop", used=None),
    ),
    Scenario(
        "stream with usage", {"how": "stream", "body": {**_ASKED, **_USAGE}}, _seen(ANSWER, "stop")
    ),
    Scenario(
        "stream helper",
        {"how": "helper", "body": {**_ASKED, **_USAGE}},
        _seen(ANSWER, "stop"),
        not_in=_NO_HELPER,
    ),
    Scenario(
        "parallel calls",
        {"how": "create", "body": _WISHED},
        _seen(None, "tool_calls", calls=CALLS),
    ),
    Scenario(
        "parallel calls streamed",
        {"how": "stream", "body": {**_WISHED, **_USAGE}},
        _seen("", "tool_calls", calls=CALLS),
    ),
    Scenario(
        "parallel calls by the helper",
        {"how": "helper", "body": {**_WISHED, "tools": _STRICT}},  # it takes no others
        _seen("", "tool_calls", calls=CALLS, used=None),
        not_in=_NO_HELPER,
    ),
    Scenario(
        "one call at a time",
        {"how": "create", "body": {**_WISHED, "parallel_tool_calls": False}},
        _seen(None, "tool_calls", calls=CALLS[:1]),
        not_in=("1.10.0",),
        vendors=("openai", "anthropic"),
    ),
    Scenario(
        "calls answered, content null sent back",
        {"how": "loop", "body": _WISHED, "results": RESULTS},
        _seen(TOLD, "stop", requests=2),
        others=_TOLD_APART,
    ),
    Scenario(
        "a result with a picture",
        {
            "how": "create",
            "body": {
                "messages": [
                    *_HISTORY,
                    {
                        "role": "tool",
                        "tool_call_id": "call_1",
                        "content": [
                            {"type": "text", "text": "see"},
                            {
                                "type": "image_url",
                                "image_url": {"url": f"data:image/png;base64,{PICTURE}"},
                            },
                        ],
                    },
                ],
                "tools": _WISHED["tools"],
            },
        },
        _seen("The tool says: see", "stop"),
        vendors=("anthropic",),  # OpenAI itself refuses it
    ),
    Scenario(
        "stop",
        {"how": "create", "body": {**_ASKED, "stop": ["asked"]}},
        _seen(ANSWER[: ANSWER.index("asked")], "stop"),
        vendors=_STOPPING,
    ),
    Scenario(
        "stop streamed",
        {"how": "stream", "body": {**_ASKED, "stop": "asked"}},
        _seen(ANSWER[: ANSWER.index("asked")], "stop", used=None),
        vendors=_STOPPING,
    ),
    Scenario(
        "a limit",
        {"how": "create", "body": {**_ASKED, "max_tokens": 2}},
        _seen("## Here", "length"),
        vendors=("openai", "anthropic"),
    ),
    Scenario(
        "functions, as they were before tools",
        {
            "how": "create",
            "body": {"messages": [{"role": "user", "content": WISH}], "functions": _FUNCTIONS},
        },
        {"legacy": CALLS[0], "reason": "function_call", "requests": 1},
        vendors=("anthropic",),  # OpenAI's stand-in has no such past
    ),
)
_MODELS = {
    "list": Scenario("its model is listed", {"how": "models"}, {"listed": True, "requests": 1}),
    "one": Scenario("its model is found", {"how": "model"}, {"found": True, "requests": 1}),
}
CHAT += (*_MODELS.values(),)
CHAT += tuple(
    Scenario(
        f"{how}, read into a class",
        {"how": how, "body": body},
        {"answer": ANSWER, "requests": 1},
        vendors=("anthropic",),  # OpenAI's stand-in is held to no schema
        not_in=("1.10.0",),
        only_in="python",
    )
    for how, body in (("parse", _ASKED), ("respond_parsed", {"input": QUESTION}))
)

# -- responses -------------------------------------------------------------------------------------


def _responded(text: str, **more: Any) -> dict[str, Any]:
    return {**_seen(text, "completed"), **more}


_FLAT = [{"type": "function", "strict": True, **function} for function in _FUNCTIONS]
_WISHED_RESPONSE = {"instructions": "Be brief.", "input": WISH, "tools": _FLAT}
RESPONSES = tuple(
    replace(scenario, not_in=("1.10.0",))
    for scenario in (
        Scenario("a response", {"how": "respond", "body": {"input": QUESTION}}, _responded(ANSWER)),
        Scenario(
            "a response streamed",
            {"how": "respond_streamed", "body": {"input": QUESTION}},
            _responded(ANSWER),
        ),
        Scenario(
            "a response of calls",
            {"how": "respond", "body": _WISHED_RESPONSE},
            _responded("", calls=CALLS),
        ),
        Scenario(
            "a response of calls streamed",
            {"how": "respond_streamed", "body": _WISHED_RESPONSE},
            _responded("", calls=CALLS),
        ),
        Scenario(
            "a response's calls answered",
            {"how": "respond_loop", "body": _WISHED_RESPONSE, "results": RESULTS},
            _responded(TOLD, requests=2),
            others=_TOLD_APART,
        ),
        Scenario(
            "a response's call answered with a picture",
            {
                "how": "respond_loop",
                "body": _WISHED_RESPONSE,
                "results": {
                    "weather": [
                        {"type": "input_text", "text": "see"},
                        {
                            "type": "input_image",
                            "detail": "auto",
                            "image_url": f"data:image/png;base64,{PICTURE}",
                        },
                    ],
                    "now": "12:00",
                },
            },
            _responded("The tool says: see\n12:00", requests=2),
            vendors=("anthropic",),
        ),
    )
)

# -- messages --------------------------------------------------------------------------------------

_TOOLS = [{"name": name, "description": f"the {name}", "input_schema": _SCHEMA} for name in TOOLS]
_MESSAGE = {"max_tokens": 500, **_ASKED}
_WISHED_MESSAGE = {
    "max_tokens": 500,
    "system": "Be brief.",
    "messages": [{"role": "user", "content": WISH}],
    "tools": _TOOLS,
}


_NO_TOOLS = ("0.18.1",)


def _said(text: str, reason: str = "end_turn", **more: Any) -> dict[str, Any]:
    return {**_seen(text, reason), "sequence": None, **more}


MESSAGES = (
    Scenario("chat", {"how": "create", "body": _MESSAGE}, _said(ANSWER)),
    Scenario(
        "below /anthropic",
        {"how": "create", "mount": "/anthropic", "body": _MESSAGE},
        _said(ANSWER),
    ),
    Scenario(
        "stream",
        {"how": "stream", "body": _MESSAGE},
        {"text": ANSWER, "reason": "end_turn", "used": True, "requests": 1},
    ),
    Scenario("stream helper", {"how": "helper", "body": _MESSAGE}, _said(ANSWER)),
    Scenario(
        "parallel calls",
        {"how": "create", "body": _WISHED_MESSAGE},
        _said("", "tool_use", calls=CALLS),
        not_in=_NO_TOOLS,
    ),
    Scenario(
        "parallel calls by the helper",
        {"how": "helper", "body": _WISHED_MESSAGE},
        _said("", "tool_use", calls=CALLS),
        not_in=_NO_TOOLS,
    ),
    Scenario(
        "calls answered",
        {"how": "loop", "body": _WISHED_MESSAGE, "results": RESULTS},
        _said(TOLD, requests=2),
        not_in=_NO_TOOLS,
        others=_TOLD_APART,
    ),
    Scenario(
        "results with pictures",
        {
            "how": "loop",
            "body": _WISHED_MESSAGE,
            "results": {
                "weather": [
                    {"type": "text", "text": "see"},
                    {
                        "type": "image",
                        "source": {"type": "base64", "media_type": "image/png", "data": PICTURE},
                    },
                ],
                "now": "12:00",
            },
        },
        _said("The tool says: see\n12:00", requests=2),
        not_in=_NO_TOOLS,
        vendors=("anthropic",),
    ),
    Scenario(
        "stop",
        {"how": "create", "body": {**_MESSAGE, "stop_sequences": ["asked"]}},
        _said(ANSWER[: ANSWER.index("asked")], "stop_sequence", sequence="asked"),
        vendors=_STOPPING,
    ),
    Scenario(
        "a limit",
        {"how": "create", "body": {**_MESSAGE, "max_tokens": 2}},
        _said("## Here", "max_tokens"),
        vendors=("openai", "anthropic"),
    ),
)
MESSAGES += tuple(replace(row, not_in=_NO_TOOLS) for row in _MODELS.values())
MESSAGES += (
    Scenario(
        "its tokens counted",
        {"how": "count", "body": {**_ASKED, "tools": _TOOLS}},
        {"counted": True, "requests": 1},
        not_in=_NO_TOOLS,
    ),
)
