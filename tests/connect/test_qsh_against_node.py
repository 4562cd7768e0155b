"""Ours against Atlassian's own library, on ten thousand different targets in one Node process.

What the Node app did beyond the library is not copied (node-bff.md §4.6): Express read `x[y]=1` as
an object, whose hash was never Atlassian's, and lost what followed the thousandth parameter.
"""

import json
import random
import shutil
import subprocess
from pathlib import Path

import pytest

from bff.connect.qsh import canonical_request, query_string_hash

CHECKOUT = Path(__file__).parents[2]
PACKAGE = CHECKOUT / ".ci" / "node_modules" / "atlassian-jwt"
NODE = shutil.which("node")
HOW_MANY = 10_000

SCRIPT = """
const lib = require(process.argv[1]);
const rows = JSON.parse(require("fs").readFileSync(0, "utf8"));
const answers = rows.map(([method, target, base]) => {
  const request = lib.fromMethodAndUrl(method, target);
  return [lib.createCanonicalRequest(request, false, base),
          lib.createQueryStringHash(request, false, base)];
});
process.stdout.write(JSON.stringify(answers));
"""

pytestmark = [
    pytest.mark.skipif(NODE is None, reason="needs Node"),
    pytest.mark.skipif(not PACKAGE.is_dir(), reason="needs atlassian-jwt in .ci/node_modules"),
]

# What Node's legacy URL reader leaves alone in a path; the raw target is the contract's.
_PATH = ["a", "b", "Z", "0", "-", ".", "_", "~", "%20", "%2F", "%2f", "&", "=", ":", "@", "!", "$",
         "(", ")", "*", "+", ",", "/", "/", "//", "app"]  # fmt: skip
_QUERY = [*"abyzAZ019-._~", "%20", "+", "%2B", "%26", "%3D", "%2C", ",", "!", "*", "(", ")", "'",
          "%C3%A9", "%c3%a9", "%F0%9F%98%80", "%EF%BC%A1", "%00", "%7e", "/", "?", ":", "@", "%25",
          "%zz", "%", "%ff", "%E2%82", "jwt", "[", "]"]  # fmt: skip
_NAMES = ["a", "b", "A", "jwt", "JWT", "%6Awt", "acpt", "user_id", "a%20b", "%C3%A9"]


def _targets(dice: random.Random) -> list[tuple[str, str, str]]:
    def text(alphabet: list[str], most: int) -> str:
        return "".join(dice.choices(alphabet, k=dice.randint(0, most)))

    def pair() -> str:
        name = dice.choice(_NAMES) if dice.random() < 0.6 else text(_QUERY, 4)
        return name + dice.choice(["", "=", "=", "=", "=="]) + text(_QUERY, 6)

    rows: dict[tuple[str, str, str], None] = {}  # each once, in the order they were made
    while len(rows) < HOW_MANY:
        path = dice.choice(["/", "/", "/app", "/app/", "/application/"]) + text(_PATH, 8)
        query = "&".join(pair() for _ in range(dice.randint(0, 5)))
        target = path.replace("//", "/x/", 1) if path.startswith("//") else path
        if dice.random() < 0.8:
            target += "?" + query
        base = "https://app.example" + dice.choice(["", "", "/app", "/app/", "/app/x", "/a%20b"])
        rows[dice.choice(["GET", "post", "PUT", "Delete"]), target, base] = None
    return list(rows)


def test_every_hash_is_the_one_of_atlassians_library() -> None:
    rows = _targets(random.Random(20260102))  # noqa: S311 - chance, not a secret

    answered = subprocess.run(  # noqa: S603 - our own script
        [NODE, "-e", SCRIPT, str(PACKAGE)],
        input=json.dumps(rows),
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )

    for (method, target, base), (canonical, hashed) in zip(
        rows, json.loads(answered.stdout), strict=True
    ):
        base_path = base.removeprefix("https://app.example")
        assert canonical_request(method, target, base_path) == canonical, (method, target, base)
        assert query_string_hash(method, target, base_path) == hashed
