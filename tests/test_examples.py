"""Every file of deploy/examples does what it says, run as its reader would run it."""

import asyncio
import json
import re
import shutil
import sys
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.keys import create_key
from tests.support.node_server import MODULES, NODE
from tests.support.service import Service, open_service

EXAMPLES = Path(__file__).parents[1] / "deploy/examples"
N8N = EXAMPLES / "n8n"
CURL = shutil.which("curl")
needs_curl = pytest.mark.skipif(CURL is None, reason="curl is not here")

# What the embedded model says of itself, what it called, and what it made of the result.
SAID = ("sequence diagram", "asks for get_weather", "21 degrees")


@pytest.fixture
async def service(tmp_path: Path) -> AsyncIterator[Service]:
    async with open_service(tmp_path, model_aliases='{"claude-via-openai":"openai/gpt-4o"}') as one:
        yield one


async def run(service: Service, *command: str, cwd: Path, **more: str) -> str:
    environment = {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "BFF_URL": service.url,
        "BFF_KEY": await create_key(service),
        **more,
    }
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        env=environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, said = await process.communicate()
    assert process.returncode == 0, said.decode() + out.decode()
    return out.decode()


@pytest.fixture
def beside_packages(tmp_path: Path) -> Path:
    """A folder as `npm install` leaves it, with the examples in it."""
    if not MODULES.joinpath("openai").is_dir():
        pytest.skip("the Node packages are not here: .ci/run brings them")
    folder = tmp_path / "examples"
    shutil.copytree(EXAMPLES, folder)
    folder.joinpath("node_modules").symlink_to(MODULES)
    return folder


@pytest.mark.parametrize("name", ["openai_chat.py", "anthropic_messages.py"])
async def test_a_python_example_streams_and_calls_a_tool(service: Service, name: str) -> None:
    said = await run(service, sys.executable, name, cwd=EXAMPLES)

    assert all(word in said for word in SAID), said


@pytest.mark.parametrize("name", ["openai_chat.mjs", "anthropic_messages.mjs"])
async def test_a_javascript_example_streams_and_calls_a_tool(
    service: Service, beside_packages: Path, name: str
) -> None:
    said = await run(service, str(NODE), name, cwd=beside_packages)

    assert all(word in said for word in SAID), said


@needs_curl
async def test_the_curl_example_gets_an_answer_from_every_face(service: Service) -> None:
    said = await run(service, "bash", "curl.sh", cwd=EXAMPLES)

    parts = re.split(r"^# ", said, flags=re.MULTILINE)
    assert len(parts) == 6
    models, whole, stream, response, message = parts[1:]
    assert '"object":"list"' in models
    assert '"object":"chat.completion"' in whole
    assert '"usage":{' in stream
    assert stream.rstrip().endswith("data: [DONE]")
    assert '"object":"response"' in response
    assert "event: message_stop" in message


async def test_the_environment_of_claude_code_leads_its_sdk_here(
    service: Service, beside_packages: Path
) -> None:
    script = """
        import Anthropic from "@anthropic-ai/sdk";
        const models = await fetch(`${process.env.ANTHROPIC_BASE_URL}/v1/models?limit=1000`, {
          headers: { authorization: `Bearer ${process.env.ANTHROPIC_AUTH_TOKEN}` } });
        const answer = new Anthropic().beta.messages.stream({
          model: process.env.ANTHROPIC_MODEL, max_tokens: 100,
          messages: [{ role: "user", content: "What is a sequence diagram?" }] });
        const ids = (await models.json()).data.map((model) => model.id);
        console.log(JSON.stringify({ ids, text: await answer.finalText() }));
    """
    beside_packages.joinpath("ask.mjs").write_text(script)
    line = "set -a; . ./claude-code.env; set +a; exec node ask.mjs"

    said = json.loads(
        await run(service, "bash", "-c", line, cwd=beside_packages, MODEL="claude-via-openai")
    )

    assert "claude-via-openai" in said["ids"]
    assert "sequence diagram" in said["text"]


# -- n8n: its nodes are not here, but the library they ask with is ---------------------------------


def n8n_model() -> Mapping[str, Any]:
    workflow = json.loads((N8N / "workflow.json").read_text())
    (node,) = [one for one in workflow["nodes"] if one["type"].endswith(".lmChatOpenAi")]
    return dict(node)


def test_the_workflow_of_n8n_holds_together() -> None:
    workflow = json.loads((N8N / "workflow.json").read_text())
    credentials = {one["id"]: one for one in json.loads((N8N / "credentials.json").read_text())}
    names = {node["name"] for node in workflow["nodes"]}

    joined = {
        link["node"]
        for kinds in workflow["connections"].values()
        for links in kinds.values()
        for line in links
        for link in line
    }
    used = [
        credential["id"]
        for node in workflow["nodes"]
        for credential in node.get("credentials", {}).values()
    ]
    assert joined | set(workflow["connections"]) == names
    assert used
    assert set(used) <= set(credentials)
    assert credentials[used[0]]["data"]["url"].endswith("/v1")


@pytest.mark.parametrize("responses", [True, False])
async def test_the_model_node_of_n8n_is_answered(
    service: Service, beside_packages: Path, responses: bool
) -> None:
    node = n8n_model()
    parameters = node["parameters"]
    script = """
        import { ChatOpenAI } from "@langchain/openai";
        const asked = JSON.parse(process.env.ASKED);
        const model = new ChatOpenAI({
          model: asked.model, temperature: asked.options.temperature,
          maxTokens: asked.options.maxTokens, maxRetries: asked.options.maxRetries,
          useResponsesApi: asked.responses, apiKey: process.env.BFF_KEY,
          configuration: { baseURL: `${process.env.BFF_URL}/v1` } });
        let said = "";
        for await (const chunk of await model.stream("What is a sequence diagram?"))
          said += chunk.text;
        console.log(JSON.stringify(said));
    """
    beside_packages.joinpath("ask.mjs").write_text(script)
    asked = {
        "model": parameters["model"]["value"],
        "options": parameters["options"],
        "responses": responses,
    }

    said = await run(service, str(NODE), "ask.mjs", cwd=beside_packages, ASKED=json.dumps(asked))

    assert "sequence diagram" in json.loads(said)
    assert {"/v1/responses": True, "/v1/chat/completions": False}[
        "/v1" + service.openai.requests[-1].path.rpartition("/v1")[2]
    ] is responses


def test_every_example_stands_on_the_page_of_examples() -> None:
    page = (EXAMPLES / "README.md").read_text()
    files = [path.name for path in EXAMPLES.iterdir() if path.name != "README.md"]

    assert files
    assert [name for name in files if f"]({name}" not in page] == []
