"""Installs and uninstalls over real sockets: node-bff.md §3.6, §4.3, operations.md."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bff.web import doors, lifecycle, pages
from bff.web.routes import Route
from tests.support.street import (
    ALLOWED,
    NOW,
    SECRET,
    SITE,
    Answer,
    Street,
    context_token,
    open_street,
    payload,
    show_caller,
    signing_key,
)
from tests.support.tokens import hs256, public_pem, rs256

ROUTES = (
    *lifecycle.routes(""),
    *pages.routes(""),
    Route("GET", "/token", doors.context_token, show_caller),
)
UNEXPECTED = "Unexpected or missing JWT token, failed to verify installation."


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with open_street(ROUTES) as street:
        yield street


def is_html(answer: Answer, message: str) -> bool:
    return (answer.status, answer.headers["Content-Type"], answer.text) == (
        401,
        "text/html; charset=utf-8",
        message,
    )


# --- installs that are taken ---------------------------------------------------------------------


async def test_an_install_is_kept_verbatim(street: Street) -> None:
    body = payload(somethingNew={"deep": [1, None, "é"]})

    answer = await street.announce(body)

    assert (answer.status, answer.text) == (204, "")
    assert street.tenants.rows == {SITE: [body]}
    assert (await street.get(f"/token?jwt={context_token()}")).status == 200


async def test_a_reinstall_replaces_what_was_there_and_counts_at_once(street: Street) -> None:
    street.tenants.put(SITE, payload(old=True), payload(sharedSecret="older"))

    answer = await street.announce(payload(sharedSecret="new"))

    assert answer.status == 204
    assert street.tenants.rows == {SITE: [payload(sharedSecret="new")]}
    statuses = [
        (await street.get(f"/token?jwt={context_token(secret=secret)}")).status
        for secret in ("new", SECRET, "older")
    ]
    assert statuses == [200, 401, 401]


async def test_a_form_works_too(street: Street) -> None:
    answer = await street.announce(None, data=payload())

    assert answer.status == 204
    assert street.tenants.rows == {SITE: [payload()]}


async def test_a_token_in_the_body_works_and_is_never_kept(street: Street) -> None:
    token = street.install_token()

    answer = await street.announce(payload(jwt=token), token="")

    assert answer.status == 204
    assert street.tenants.rows == {SITE: [payload()]}


async def test_a_token_in_the_query_works(street: Street) -> None:
    target = "/installed?user_key=a%20b"

    answer = await street.announce(
        payload(), target=f"{target}&jwt={street.install_token(target)}", token=""
    )

    assert answer.status == 204


@pytest.mark.parametrize(
    "base_url",
    ["https://x.atlassian.net", "https://X.Atlassian.net/wiki", "https://x.jira.com:8443/wiki"],
)
async def test_hosts_that_may_install(street: Street, base_url: str) -> None:
    assert (await street.announce(payload(baseUrl=base_url))).status == 204


@pytest.mark.parametrize("base_url", ["http://localhost:1990/wiki", "http://[::1]/wiki"])
async def test_in_development_any_host_may_install_also_over_http(base_url: str) -> None:
    async with open_street(ROUTES, development=True) as street:
        assert (await street.announce(payload(baseUrl=base_url))).status == 204


async def test_the_calls_also_stand_below_the_path_of_the_base_url() -> None:
    async with open_street(lifecycle.routes("/app"), base_url="https://bff.example/app") as street:
        for target in ("/installed", "/app/installed"):
            answer = await street.announce(payload(), target=target)
            assert answer.status == 204


async def test_a_key_is_fetched_once_for_many_installs(street: Street) -> None:
    for _ in range(3):
        await street.announce(payload())

    assert street.keys.asked == ["/keys/kid-1"]


async def test_installs_go_on_while_the_key_host_is_away(street: Street) -> None:
    await street.announce(payload())
    street.keys.status = 503

    assert (await street.announce(payload(sharedSecret="new"))).status == 204


# --- installs that are refused for what they say, in the contract's order ------------------------


@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"json": payload(baseUrl=...)}, id="no base URL"),
        pytest.param({"json": payload(baseUrl="")}, id="an empty one"),
        pytest.param({"json": payload(baseUrl=None)}, id="null"),
        pytest.param({"json": payload(baseUrl=["https://x.atlassian.net"])}, id="a list"),
        pytest.param({"json": payload(baseUrl={"a": 1})}, id="an object"),
        pytest.param({"json": payload(baseUrl=5)}, id="a number"),
        pytest.param({"json": []}, id="the body is a list"),
        pytest.param({"data": b""}, id="no body"),
        pytest.param({"data": orjson.dumps(payload()), "headers": {"Content-Type": "text/plain"}},
                     id="not JSON by its type"),
    ],
)  # fmt: skip
async def test_no_base_url(street: Street, options: dict[str, Any]) -> None:
    answer = await street.announce(None, **options)

    assert is_html(answer, "No baseUrl provided in registration info.")


@pytest.mark.parametrize(
    "base_url",
    [
        "https://evil.com",
        "https://a.b.atlassian.net",
        "https://atlassian.net",
        "https://.atlassian.net",
        "https://x.atlassian.net.evil.com",
        "https://x.atlassian.net@evil.com",
        "https://evil.com\\@x.atlassian.net",
        "x.atlassian.net",
    ],
)
async def test_a_host_that_may_not_install(street: Street, base_url: str) -> None:
    answer = await street.announce(payload(baseUrl=base_url))

    assert is_html(
        answer,
        f"Host at {base_url} is not authorized to register as the host does not match the "
        f"registration whitelist ({ALLOWED}).",
    )
    assert street.keys.asked == []


async def test_what_is_quoted_is_escaped(street: Street) -> None:
    answer = await street.announce(payload(baseUrl="https://<script>"))

    assert answer.status == 401
    assert "https://&lt;script&gt;" in answer.text


@pytest.mark.parametrize("client_key", [..., "", None, 0, 5, [SITE], {"a": 1}])
async def test_no_client_key(street: Street, client_key: Any) -> None:
    answer = await street.announce(payload(clientKey=client_key))

    assert is_html(answer, "No client key provided for host at https://site-1.atlassian.net/wiki.")


async def test_a_client_key_that_is_not_the_issuer(street: Street) -> None:
    answer = await street.announce(payload(clientKey="site-2"))

    assert is_html(answer, "clientKey in install payload did not match authenticated client")
    assert street.tenants.rows == {}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"key": "another-app"}, "The installation is of another app."),
        ({"key": ...}, "The installation is of another app."),
        ({"key": ["gptdock-confluence"]}, "The installation is of another app."),
        ({"sharedSecret": ...}, "The installation has no sharedSecret."),
        ({"sharedSecret": ""}, "The installation has no sharedSecret."),
        ({"sharedSecret": None}, "The installation has no sharedSecret."),
        ({"sharedSecret": 5}, "The installation has no sharedSecret."),
        ({"sharedSecret": ["x"]}, "The installation has no sharedSecret."),
        ({"baseUrl": "http://site-1.atlassian.net"}, "The installation's baseUrl must be https."),
    ],
)
async def test_a_signed_install_with_a_bad_body(
    street: Street, changes: dict[str, Any], message: str
) -> None:
    street.tenants.put(SITE, payload())

    answer = await street.announce(payload(**changes))

    assert (answer.status, orjson.loads(answer.text)) == (400, {"error": message})
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"
    assert street.tenants.rows == {SITE: [payload()]}


@pytest.mark.parametrize("changes", [{"key": "another-app"}, {"sharedSecret": ...}])
async def test_an_unsigned_install_with_a_bad_body_is_a_401(
    street: Street, changes: dict[str, Any]
) -> None:
    assert is_html(await street.announce(payload(**changes), token=""), UNEXPECTED)


async def test_a_malformed_body_is_a_400(street: Street) -> None:
    answer = await street.announce(None, data=b"{", headers={"Content-Type": "application/json"})

    assert answer.status == 400


# --- installs that are refused for their token ---------------------------------------------------

PLAIN_CLAIMS = {"iss": SITE, "aud": ["https://bff.example"], "exp": NOW + 180}


@pytest.mark.parametrize(
    "forge",
    [
        pytest.param(lambda _: "", id="none"),
        pytest.param(lambda _: "x", id="one segment"),
        pytest.param(lambda _: "a.b.c", id="not JSON"),
        pytest.param(lambda street: street.install_token() + ".x", id="four segments"),
        pytest.param(lambda street: street.install_token() + "==", id="padded signature"),
        pytest.param(lambda _: hs256(PLAIN_CLAIMS, SECRET), id="HS256 with the old secret"),
        pytest.param(
            lambda _: hs256(PLAIN_CLAIMS, public_pem(signing_key())),
            id="HS256 with the public key as secret",
        ),
        pytest.param(lambda _: rs256(PLAIN_CLAIMS, signing_key(), alg="none"), id="alg none"),
        pytest.param(lambda _: rs256(PLAIN_CLAIMS, signing_key(), alg=None), id="no alg"),
        pytest.param(lambda _: context_token(), id="a context token"),
    ],
)
async def test_a_token_that_could_not_count(street: Street, forge: Any) -> None:
    street.tenants.put(SITE, payload())

    answer = await street.announce(payload(sharedSecret="new"), token=forge(street))

    assert is_html(answer, UNEXPECTED)
    assert street.tenants.rows == {SITE: [payload()]}
    assert street.keys.asked == []


def strangers_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


REFUSED = [
    pytest.param({"iss": ...}, "the issuer (iss) claim", id="no issuer"),
    pytest.param({"iss": [SITE]}, "the issuer (iss) claim", id="issuer is a list"),
    pytest.param({"aud": ...}, "the correct audience", id="no audience"),
    pytest.param(
        {"aud": ["https://elsewhere.example"]}, "the correct audience", id="other audience"
    ),
    pytest.param(
        {"aud": ["https://elsewhere.example", "https://bff.example"]},
        "the correct audience",
        id="ours in the second place",
    ),
    pytest.param({"aud": "HTTPS://bff.example"}, "the correct audience", id="audience in capitals"),
    pytest.param({"qsh": ...}, "query string hash", id="no qsh"),
    pytest.param({"qsh": "context-qsh"}, "query hash does not match", id="a context token's qsh"),
    pytest.param({"qsh": "0" * 64}, "query hash does not match", id="another qsh"),
    pytest.param({"exp": NOW}, "expired", id="expired"),
    pytest.param({"exp": ...}, "expiry (exp) claim", id="no expiry"),
    pytest.param({"nbf": NOW + 61}, "not valid yet", id="not valid yet"),
    pytest.param({"kid": "unknown"}, "Could not find the key", id="a key nobody has"),
    pytest.param({"kid": None}, "Could not find the key", id="no key named"),
    pytest.param({"kid": "../x"}, "Could not find the key", id="a key with a path"),
    pytest.param({"kid": 5}, "Could not find the key", id="a key that is a number"),
    pytest.param({"key": strangers_key}, "Signature verification failed", id="a stranger's key"),
]


@pytest.mark.parametrize(("changes", "message"), REFUSED)
async def test_a_token_that_failed_is_told_in_the_form_the_caller_reads(
    street: Street, changes: dict[str, Any], message: str
) -> None:
    changes = {name: value() if callable(value) else value for name, value in changes.items()}
    token = street.install_token(**changes)

    as_text = await street.announce(payload(), token=token)
    as_json = await street.announce(
        payload(), token=token, json=payload(), headers={"Accept": "application/json"}
    )

    assert (as_text.status, as_json.status) == (401, 401)
    assert message in as_text.text
    assert as_text.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert message in orjson.loads(as_json.text)["message"]
    assert street.tenants.rows == {}
    assert not any(".." in path for path in street.keys.asked)


@pytest.mark.parametrize("audience", ["https://bff.example/", ["https://bff.example"]])
async def test_a_slash_at_the_end_of_an_audience_makes_no_difference(
    street: Street, audience: Any
) -> None:
    token = street.install_token(aud=audience)

    assert (await street.announce(payload(), token=token)).status == 204


async def test_a_token_for_an_uninstall_installs_nothing(street: Street) -> None:
    token = street.install_token("/uninstalled")

    assert (await street.announce(payload(), token=token)).status == 401


async def test_a_key_host_that_answers_with_a_page_is_a_401(street: Street) -> None:
    street.keys.keys["kid-1"] = "<html>welcome</html>"

    assert (await street.announce(payload())).status == 401


# --- uninstalls ----------------------------------------------------------------------------------


async def uninstall(street: Street, body: Any = None, **options: Any) -> Answer:
    body = payload(sharedSecret=..., eventType="uninstalled") if body is None else body
    return await street.announce(body, target="/uninstalled", **options)


async def test_an_uninstall_retires_the_secret_and_keeps_the_row(street: Street) -> None:
    await street.announce(payload())

    answer = await uninstall(street)

    assert (answer.status, answer.text) == (204, "")
    assert len(street.tenants.rows[SITE]) == 1
    assert "sharedSecret" not in street.tenants.rows[SITE][0]
    assert (await street.get(f"/token?jwt={context_token()}")).status == 401


async def test_a_tenant_may_come_back(street: Street) -> None:
    await street.announce(payload())
    await uninstall(street)

    answer = await street.announce(payload(sharedSecret="new"))

    assert answer.status == 204
    assert (await street.get(f"/token?jwt={context_token(secret='new')}")).status == 200


async def test_an_uninstall_of_nobody_we_know_is_a_204(street: Street) -> None:
    assert (await uninstall(street)).status == 204


async def test_who_may_no_longer_install_may_still_leave(street: Street) -> None:
    street.tenants.put(SITE, payload())

    answer = await uninstall(street, {"clientKey": SITE, "baseUrl": "https://moved.example"})

    assert answer.status == 204
    assert "sharedSecret" not in street.tenants.rows[SITE][0]


@pytest.mark.parametrize(
    ("options", "status"),
    [
        pytest.param({"token": ""}, 401, id="unsigned"),
        pytest.param({"token": "a.b.c"}, 401, id="malformed"),
        pytest.param({"token": hs256(PLAIN_CLAIMS, SECRET)}, 401, id="HS256 with our secret"),
        pytest.param({"token": context_token()}, 401, id="a context token"),
        pytest.param({"body": payload(clientKey="site-2")}, 401, id="another tenant's"),
        pytest.param({"body": payload(clientKey=...)}, 401, id="no client key"),
        pytest.param({"body": []}, 401, id="a list"),
        pytest.param({"body": payload(key="another-app")}, 400, id="of another app"),
    ],
)
async def test_an_uninstall_that_is_refused(
    street: Street, options: dict[str, Any], status: int
) -> None:
    street.tenants.put(SITE, payload())

    answer = await uninstall(street, **options)

    assert answer.status == status
    assert street.tenants.rows == {SITE: [payload()]}


async def test_a_token_for_an_install_uninstalls_nothing(street: Street) -> None:
    street.tenants.put(SITE, payload())

    answer = await uninstall(street, token=street.install_token("/installed"))

    assert answer.status == 401
    assert street.tenants.rows == {SITE: [payload()]}


# --- counted -------------------------------------------------------------------------------------


async def test_lifecycle_calls_are_counted(street: Street) -> None:
    await street.announce(payload())
    await street.announce(payload(), token="")
    await uninstall(street)

    shown = street.services.metrics.render().decode()

    for line in (
        'bff_install_events_total{event="installed",outcome="accepted"} 1.0',
        'bff_install_events_total{event="installed",outcome="refused"} 1.0',
        'bff_install_events_total{event="uninstalled",outcome="accepted"} 1.0',
    ):
        assert line in shown
