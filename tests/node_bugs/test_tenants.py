"""Installs, uninstalls and the tokens that follow from them. B16-B22."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from bff.web import doors, lifecycle
from bff.web.routes import Route
from tests.support.service import Service
from tests.support.street import (
    NOW,
    SECRET,
    SITE,
    Street,
    context_token,
    open_street,
    payload,
    show_caller,
)
from tests.support.tokens import hs256

ROUTES = (*lifecycle.routes(""), Route("GET", "/token", doors.context_token, show_caller))


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with open_street(ROUTES) as street:
        yield street


async def test_b16_twenty_installs_at_once_leave_one_tenant_with_the_last_secret(
    service: Service,
) -> None:
    installs = await asyncio.gather(*(service.host.install(service.url) for _ in range(20)))

    rows = await service.run_sql('SELECT val FROM "AddonSettings"')
    assert {install.status for install in installs} == {204}
    assert len(rows) == 1
    assert (await service.host.install(service.url)).status == 204
    assert (await service.get("/v2/client/info")).status == 201


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"key": "another-add-on"}, id="another add-on"),
        pytest.param({"sharedSecret": ...}, id="no secret"),
        pytest.param({"sharedSecret": ""}, id="an empty secret"),
        pytest.param({"sharedSecret": 5}, id="a secret that is no text"),
        pytest.param({"baseUrl": "http://site-1.atlassian.net/wiki"}, id="plain http"),
    ],
)
async def test_b17_an_install_that_would_break_the_tenant_is_refused(
    street: Street, changes: dict[str, Any]
) -> None:
    await street.announce(payload())

    answer = await street.announce(payload(**changes))

    assert answer.status == 400
    assert street.tenants.rows == {SITE: [payload()]}
    assert (await street.get(f"/token?jwt={context_token()}")).status == 200


async def test_b17_a_token_in_the_body_is_not_stored(street: Street) -> None:
    await street.announce(payload(jwt=street.install_token()), token="")

    assert street.tenants.rows == {SITE: [payload()]}


@pytest.mark.parametrize("path", ["/installed", "/uninstalled"])
@pytest.mark.parametrize("token", ["x", "a.b", "a.b.c", "....", "é.é.é", "e30.e30."])
async def test_b18_a_malformed_token_is_a_401(street: Street, path: str, token: str) -> None:
    headers = {"Authorization": f"JWT {token}"}

    assert (await street.post(path, json=payload(), headers=headers)).status == 401


@pytest.mark.parametrize("base_url", [5, True, ["https://x.atlassian.net"], {"a": 1}])
async def test_b18_a_base_url_that_is_no_text_is_a_401(street: Street, base_url: Any) -> None:
    assert (await street.announce(payload(baseUrl=base_url))).status == 401


async def test_b19_a_key_is_fetched_once_whoever_asks(street: Street) -> None:
    for _ in range(5):
        assert (await street.announce(payload())).status == 204

    assert street.keys.asked == ["/keys/kid-1"]


@pytest.mark.parametrize("kid", ["../x", "%2e%2e", "a b", "https://evil.test/x", "", "x" * 300])
async def test_b19_no_name_but_a_keys_goes_out(street: Street, kid: str) -> None:
    answer = await street.announce(payload(), token=street.install_token(kid=kid))

    assert answer.status == 401
    assert street.keys.asked == []


@pytest.mark.parametrize("status", [404, 500, 302])
async def test_b19_a_page_of_the_key_host_is_no_key(street: Street, status: int) -> None:
    street.keys.status = status

    assert (await street.announce(payload())).status == 401


async def test_b20_nobody_but_the_site_lets_the_add_on_go(street: Street) -> None:
    await street.announce(payload())

    answer = await street.announce(payload(), target="/uninstalled", token="")

    assert answer.status == 401
    assert (await street.get(f"/token?jwt={context_token()}")).status == 200


async def test_b20_after_an_uninstall_no_secret_is_kept_and_none_opens(street: Street) -> None:
    await street.announce(payload())

    answer = await street.announce(payload(), target="/uninstalled")

    assert (answer.status, answer.text) == (204, "")
    assert SECRET not in repr(street.tenants.rows)
    assert (await street.get(f"/token?jwt={context_token()}")).status == 401


@pytest.mark.parametrize(
    "token",
    [
        pytest.param(context_token(exp=...), id="no end"),
        pytest.param(context_token(exp=0), id="an end of 0"),
        pytest.param(context_token(exp=None), id="an end of null"),
        pytest.param(context_token(exp="never"), id="an end that is no time"),
        pytest.param(context_token(exp=NOW), id="over this second"),
        pytest.param(context_token(iss="site-2", aud=[SITE]), id="another site for this one"),
    ],
)
async def test_b21_a_token_ends_and_speaks_for_its_own_site_only(
    street: Street, token: str
) -> None:
    street.tenants.put(SITE, payload())
    street.tenants.put("site-2", payload(clientKey="site-2"))

    assert (await street.get(f"/token?jwt={token}")).status == 401


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html"])
async def test_b22_a_bad_signature_is_a_401_that_repeats_nothing(
    street: Street, accept: str
) -> None:
    street.tenants.put(SITE, payload())
    header = {"typ": "JWT", "alg": "HS256", "canary": "canary-header"}
    claims = {"iss": SITE, "sub": "canary-account", "exp": NOW + 60, "qsh": "canary-qsh"}
    token = hs256(claims, "another secret", header=header)

    answer = await street.get(f"/token?jwt={token}", headers={"Accept": accept})

    assert answer.status == 401
    assert "canary" not in answer.text
    assert not any(segment in answer.text for segment in token.split("."))


async def test_b22_nor_does_the_refusal_of_an_install(street: Street) -> None:
    stranger = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    token = street.install_token(key=stranger, canary="canary-claim")

    answer = await street.announce(payload(), token=token)

    assert answer.status == 401
    assert "canary" not in answer.text
