"""What the Node app wrote into its log: tokens, secrets, prompts, accounts. B1, B2, B3."""

import signal
from pathlib import Path

import orjson

from tests.support.serving import ANSWER, PROMPT, Scene, serving


async def test_b01_b02_b03_no_token_statement_secret_prompt_or_account_is_logged(
    scene: Scene, tmp_path: Path
) -> None:
    """A really started service at its most talkative: an install, a question, pages with a token
    anywhere in their query.
    """
    scene.world.openai.text = ANSWER
    async with serving(scene, tmp_path) as server:
        assert (await scene.host.install(server.url)).status == 204
        token = scene.host.context_token()
        async with await scene.ask(server.url) as response:
            assert ANSWER.partition(" ")[0] in await response.text()
        for path in ("/hello-world", "/listView", "/v2/client/info", "/nowhere", "/attachment"):
            for query in (f"?jwt={token}", f"?a=1&jwt={token}", f"?JWT={token}"):
                async with scene.session.get(f"{server.url}{path}{query}") as response:
                    await response.read()
        headers = {"Authorization": f"JWT {token}"}
        async with scene.session.get(f"{server.url}/v2/client/info", headers=headers) as response:
            assert response.status == 200
        server.process.send_signal(signal.SIGTERM)
        assert await server.ended() == 0
        errors = (await server.process.stderr.read()).decode()
    assert len([line for line in server.lines if line["message"] == "request.ended"]) >= 16

    logged = orjson.dumps(server.lines).decode() + errors
    assert "jwt=" not in logged.lower()
    assert "eyJ" not in logged  # how every token begins
    assert scene.host.shared_secret not in logged
    assert "sharedSecret" not in logged
    assert not any(word in logged for word in ("INSERT INTO", "SELECT ", "UPDATE "))
    for private in (PROMPT, ANSWER, scene.host.account_id, scene.host.client_key):
        assert private not in logged
