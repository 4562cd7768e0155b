"""OpenAI's own SDK on any model: an answer as it is written, then a function that is called."""

import json
import os

from openai import OpenAI

MODEL = os.environ.get("MODEL", "openai/gpt-4o")
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather in a city.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
        },
    },
}

with OpenAI(base_url=f"{os.environ['BFF_URL']}/v1", api_key=os.environ["BFF_KEY"]) as client:
    with client.chat.completions.create(
        model=MODEL,
        messages=[{"role": "user", "content": "What is a sequence diagram?"}],
        stream=True,
    ) as answer:
        for chunk in answer:
            if chunk.choices:
                print(chunk.choices[0].delta.content or "", end="", flush=True)
    print()

    messages = [{"role": "user", "content": "What is the weather in Bern?"}]
    asked = client.chat.completions.create(
        model=MODEL, messages=messages, tools=[WEATHER], tool_choice="required"
    )
    said = asked.choices[0].message
    messages.append(said.model_dump(exclude_none=True))
    for call in said.tool_calls or []:
        print("asks for", call.function.name, json.loads(call.function.arguments))
        messages.append({"role": "tool", "tool_call_id": call.id, "content": "Sunny, 21 degrees"})
    told = client.chat.completions.create(model=MODEL, messages=messages, tools=[WEATHER])
    print(told.choices[0].message.content)
