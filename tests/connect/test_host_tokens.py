"""Our tokens to a tenant's site: what they say, and that Atlassian's own library takes them."""

import json
import random
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jwt
import pytest

from bff.connect import jws
from bff.connect.host_tokens import write_host_token
from bff.connect.host_urls import write_target
from bff.connect.qsh import query_string_hash
from bff.records import Tenant

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / ".ci" / "node_modules" / "atlassian-jwt"
NODE = shutil.which("node")
NOW = 1_800_000_000
HOW_MANY = 1000

# As a site does it: the signature first, then the hash of the request that came.
SCRIPT = """
const lib = require(process.argv[1]);
const rows = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = rows.map(([token, secret, target]) => {
  const claims = lib.decodeSymmetric(token, secret, "HS256");
  const request = lib.fromMethodAndUrl("GET", "/wiki" + target);
  const ours = lib.createQueryStringHash(request, false, "https://site.example/wiki");
  return claims.qsh === ours ? claims : `the hash is ${ours}`;
});
process.stdout.write(JSON.stringify(answers));
"""


def tenant(secrets: tuple[str, ...] = ("newest", "older"), key: str = "the-key") -> Tenant:
    return Tenant("site-1", "https://site.example/wiki", key, secrets, {})


def test_a_token_says_who_to_whom_until_when_and_for_what() -> None:
    target = "/rest/api/content/1?expand=version"

    token = write_host_token(tenant(), "get", target, app_key="app", now=NOW)

    claims = jwt.decode(token, options={"verify_signature": False})
    assert jwt.get_unverified_header(token) == {"typ": "JWT", "alg": "HS256"}
    assert claims == {
        "iss": "the-key",
        "iat": NOW,
        "exp": NOW + 180,
        "aud": ["site-1"],
        "qsh": query_string_hash("GET", target),
    }


def test_the_newest_secret_signs() -> None:
    token = write_host_token(tenant(), "GET", "/", app_key="app", now=NOW)

    assert jws.find_secret(jws.read_token(token, "HS256"), ["older", "newest"]) == "newest"


def test_a_tenant_without_a_key_is_spoken_to_by_the_apps_own() -> None:
    token = write_host_token(tenant(key=""), "GET", "/", app_key="app", now=NOW)

    assert jwt.decode(token, options={"verify_signature": False})["iss"] == "app"


def test_without_a_secret_there_is_no_token() -> None:
    with pytest.raises(ValueError, match="no secret"):
        write_host_token(tenant(()), "GET", "/", app_key="app", now=NOW)


def _targets(dice: random.Random) -> list[str]:
    letters = "ab09-._~ /&=+,?#%'()*!:@é😀\u200b"

    def text(most: int) -> str:
        return "".join(dice.choices(letters, k=dice.randint(1, most)))

    written = []
    while len(written) < HOW_MANY:
        path = ["rest", *(text(5) for _ in range(dice.randint(0, 3)))]
        names = ["cql", "a", text(3), "A", "jwt"]
        parameters = [(dice.choice(names), text(6)) for _ in range(dice.randint(0, 4))]
        if not {".", ".."}.intersection(path):
            written.append(write_target(path, parameters))
    return written


@pytest.mark.skipif(NODE is None, reason="needs Node")
@pytest.mark.skipif(not PACKAGE.is_dir(), reason="needs atlassian-jwt in .ci/node_modules")
def test_atlassians_library_verifies_every_token_for_its_request() -> None:
    targets = _targets(random.Random(20260102))  # noqa: S311 - chance, not a secret
    secrets = ["s", "a-shared-secret-0123456789", "ü-secret", "-----BEGIN x"]
    rows: list[list[Any]] = []
    for number, target in enumerate(targets):
        secret = secrets[number % len(secrets)]
        token = write_host_token(tenant((secret,)), "GET", target, app_key="app", now=NOW)
        rows.append([token, secret, target])

    answered = subprocess.run(  # noqa: S603 - our own script
        [NODE, "-e", SCRIPT, str(PACKAGE)],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )

    for (_, _, target), claims in zip(rows, json.loads(answered.stdout), strict=True):
        assert isinstance(claims, dict), (target, claims)
        assert (claims["aud"], claims["exp"] - claims["iat"]) == (["site-1"], 180)
