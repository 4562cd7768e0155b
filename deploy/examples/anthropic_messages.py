"""Anthropic's own SDK on any model: an answer as it is written, then a function that is called."""

import os

from anthropic import Anthropic

MODEL = os.environ.get("MODEL", "openai/gpt-4o")
WEATHER = {
    "name": "get_weather",
    "description": "The weather in a city.",
    "input_schema": {
        "type": "object",
        "properties": {"city": {"type": "string"}},
        "required": ["city"],
    },
}

with Anthropic(base_url=os.environ["BFF_URL"], api_key=os.environ["BFF_KEY"]) as client:
    with client.messages.stream(
        model=MODEL,
        max_tokens=1000,
        messages=[{"role": "user", "content": "What is a sequence diagram?"}],
    ) as answer:
        for text in answer.text_stream:
            print(text, end="", flush=True)
    print()

    messages = [{"role": "user", "content": "What is the weather in Bern?"}]
    asked = client.messages.create(
        model=MODEL,
        max_tokens=1000,
        messages=messages,
        tools=[WEATHER],
        tool_choice={"type": "any"},
    )
    calls = [block for block in asked.content if block.type == "tool_use"]
    messages.append({"role": "assistant", "content": asked.content})
    results = []
    for call in calls:
        print("asks for", call.name, call.input)
        results.append(
            {"type": "tool_result", "tool_use_id": call.id, "content": "Sunny, 21 degrees"}
        )
    messages.append({"role": "user", "content": results})
    told = client.messages.create(model=MODEL, max_tokens=1000, messages=messages, tools=[WEATHER])
    print("".join(block.text for block in told.content if block.type == "text"))
