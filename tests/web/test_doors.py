"""Who gets in, over a real socket: node-bff.md §4.1, §4.2, §4.4 and operations.md."""

from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest
from aiohttp import web

from bff.connect.qsh import query_string_hash
from bff.connect.tokens import read_token
from bff.web import doors
from bff.web.refusals import choose_form
from bff.web.routes import Route
from tests.support.street import (
    APP,
    NOW,
    SECRET,
    SITE,
    Street,
    context_token,
    open_street,
    payload,
    show_caller,
)
from tests.support.tokens import HS256_HEADER, hs256, with_claims

OTHER = "site-2"
OTHER_SECRET = "the-shared-secret-of-site-2"


async def show_nobody(_request: web.Request, _: None) -> web.StreamResponse:
    return web.Response(text="open")


ROUTES = (
    Route("GET", "/open", doors.anyone, show_nobody),
    Route("GET", "/token", doors.context_token, show_caller),
    Route("POST", "/token", doors.context_token, show_caller),
    Route("GET", "/exact", doors.context_token_with_qsh, show_caller),
    Route("POST", "/exact", doors.context_token_with_qsh, show_caller),
    Route("GET", "/base/exact", doors.context_token_with_qsh, show_caller),
)


@pytest.fixture
async def street() -> AsyncIterator[Street]:
    async with open_street(ROUTES) as street:
        street.tenants.put(SITE, payload())
        street.tenants.put(OTHER, payload(clientKey=OTHER, sharedSecret=OTHER_SECRET))
        yield street


def other_token(**changes: Any) -> str:
    return context_token(iss=OTHER, secret=OTHER_SECRET, **changes)


def exact_token(method: str = "GET", target: str = "/exact", **changes: Any) -> str:
    return context_token(qsh=query_string_hash(method, target), **changes)


async def test_open_to_all(street: Street) -> None:
    answer = await street.get("/open?jwt=bad")

    assert (answer.status, answer.text) == (200, "open")
    assert "X-acpt" not in answer.headers


# --- where the token is (§4.1) -------------------------------------------------------------------

GOOD, BAD = context_token(), context_token(secret="wrong")

POSITIONS = [
    pytest.param({"params": {"jwt": GOOD}}, SITE, id="query"),
    pytest.param({"json": {"jwt": GOOD}}, SITE, id="JSON body"),
    pytest.param({"data": {"jwt": GOOD}}, SITE, id="form body"),
    pytest.param({"headers": {"Authorization": f"JWT {GOOD}"}}, SITE, id="Authorization"),
    pytest.param({"params": {"acpt": GOOD}}, SITE, id="session token in the query"),
    pytest.param({"headers": {"X-acpt": GOOD}}, SITE, id="session token in its header"),
    pytest.param(
        {"params": {"jwt": GOOD}, "headers": {"Authorization": f"JWT {BAD}"}},
        SITE,
        id="a good one in the query before a bad one in the header",
    ),
    pytest.param(
        {"params": {"jwt": GOOD}, "headers": {"Authorization": f"JWT {other_token()}"}},
        SITE,
        id="the query before the header",
    ),
    pytest.param(
        {"json": {"jwt": GOOD}, "headers": {"Authorization": f"JWT {other_token()}"}},
        SITE,
        id="the body before the header",
    ),
    pytest.param(
        {"json": {"jwt": GOOD}, "headers": {"Authorization": f"JWT {BAD}"}},
        SITE,
        id="a good one in the body before a bad one in the header",
    ),
    pytest.param(
        {"params": {"acpt": other_token()}, "headers": {"Authorization": f"JWT {GOOD}"}},
        SITE,
        id="Authorization before the session token",
    ),
    pytest.param(
        {"params": {"jwt": "", "acpt": GOOD}}, SITE, id="an empty one in the query is absent"
    ),
    pytest.param({"params": {"jwt": GOOD}, "json": {"jwt": ""}}, SITE, id="and in the body"),
    pytest.param({"params": {"jwt": GOOD}, "json": [{"jwt": GOOD}]}, SITE, id="a list has none"),
    pytest.param(
        {"params": {"jwt": GOOD}, "data": f"jwt={GOOD}", "headers": {"Content-Type": "text/plain"}},
        SITE,
        id="text is not a body that is read",
    ),
    pytest.param({}, None, id="nowhere"),
    pytest.param({"cookies": {"jwt": GOOD, "acpt": GOOD}}, None, id="cookies never count"),
    pytest.param({"headers": {"Authorization": f"Bearer {GOOD}"}}, None, id="Bearer"),
    pytest.param({"headers": {"Authorization": f"jwt {GOOD}"}}, None, id="the scheme in small"),
    pytest.param({"headers": {"Authorization": f"JWT  {GOOD}"}}, None, id="two spaces"),
    pytest.param({"params": [("jwt", GOOD), ("jwt", GOOD)]}, None, id="twice in the query"),
    pytest.param(
        {"params": {"jwt": GOOD}, "json": {"jwt": GOOD}}, None, id="in the query and in the body"
    ),
    pytest.param(
        {"params": {"jwt": GOOD}, "data": {"jwt": GOOD}}, None, id="in the query and in a form"
    ),
    pytest.param(
        {"params": {"jwt": BAD}, "headers": {"Authorization": f"JWT {GOOD}"}},
        None,
        id="a bad one in the query is not mended by a header",
    ),
    pytest.param(
        {"json": {"jwt": BAD}, "headers": {"Authorization": f"JWT {GOOD}"}},
        None,
        id="nor one in the body",
    ),
    pytest.param(
        {"headers": {"Authorization": f"JWT {BAD}", "X-acpt": GOOD}},
        None,
        id="nor one in Authorization",
    ),
    pytest.param(
        {"json": {"a": 1}, "headers": {"Authorization": f"JWT {BAD}"}},
        None,
        id="a bad one in a header and none in the body",
    ),
    pytest.param({"json": {"jwt": [GOOD]}}, None, id="a list in the body"),
    pytest.param({"data": [("jwt", GOOD), ("jwt", GOOD)]}, None, id="twice in a form"),
]


@pytest.mark.parametrize(("request_", "tenant"), POSITIONS)
async def test_where_the_token_is_read_from(
    street: Street, request_: dict[str, Any], tenant: str | None
) -> None:
    answer = await street.post("/token", **request_)

    if tenant is None:
        assert answer.status == 401
        assert "X-acpt" not in answer.headers
    else:
        assert answer.status == 200
        assert orjson.loads(answer.text)["tenant"] == tenant
        assert "X-acpt" in answer.headers


# --- which token (§4.2), each row on both kinds of route -----------------------------------------

EXACT = exact_token()
SIGNED, _, SIGNATURE = EXACT.rpartition(".")


def header(**changes: Any) -> dict[str, Any]:
    return with_claims(HS256_HEADER, **changes)


TOKENS = [
    pytest.param(context_token(), 200, 401, id="context token"),
    pytest.param(exact_token(), 200, 200, id="for this very request"),
    pytest.param(exact_token(target="/other"), 200, 401, id="for another request"),
    pytest.param(context_token(qsh=...), 200, 401, id="no qsh"),
    pytest.param("x", 401, 401, id="not three segments"),
    pytest.param(f"!.{SIGNED.split('.')[1]}.{SIGNATURE}", 401, 401, id="bad base64"),
    pytest.param(hs256(b"{", SECRET), 401, 401, id="bad JSON"),
    pytest.param(hs256([], SECRET), 401, 401, id="claims are not an object"),
    *(
        pytest.param(exact_token(header=header(alg=alg)), 401, 401, id=f"alg {alg}")
        for alg in ("none", "None", "hs256", "HS384", "HS512", "RS256", ...)
    ),
    pytest.param(exact_token(header=header(typ=...)), 200, 200, id="no typ"),
    pytest.param(exact_token(header=header(kid="x", foo=1)), 200, 200, id="more in the header"),
    pytest.param(exact_token(iss=...), 401, 401, id="no issuer"),
    pytest.param(exact_token(iss="nobody"), 401, 401, id="unknown tenant"),
    pytest.param(exact_token(iss="no-secret"), 401, 401, id="tenant without a secret"),
    pytest.param(exact_token(secret="wrong"), 401, 401, id="bad signature"),
    pytest.param(exact_token(secret=OTHER_SECRET), 401, 401, id="signed by another tenant"),
    pytest.param(f"{EXACT}=", 401, 401, id="padded signature"),
    pytest.param(exact_token(exp=NOW), 401, 401, id="expired"),
    pytest.param(exact_token(exp=...), 401, 401, id="no expiry"),
    pytest.param(exact_token(nbf=NOW + 60), 200, 200, id="begins within a minute"),
    pytest.param(exact_token(nbf=NOW + 61), 401, 401, id="begins later"),
    pytest.param(exact_token(iat=NOW + 999), 200, 200, id="issued in the future"),
    pytest.param(exact_token(aud=[SITE], iss=APP), 200, 200, id="audience the tenant, by us"),
    pytest.param(
        exact_token(aud=[SITE], iss=OTHER), 401, 401, id="audience the tenant, by another"
    ),
    pytest.param(exact_token(aud=["https://bff.example"]), 401, 401, id="audience is ourselves"),
    pytest.param(exact_token(iss=[SITE]), 401, 401, id="issuer is no text"),
    pytest.param(exact_token(sub=...), 200, 200, id="no user"),
]


@pytest.mark.parametrize(("token", "on_token_route", "on_exact_route"), TOKENS)
async def test_which_token_gets_in(
    street: Street, token: str, on_token_route: int, on_exact_route: int
) -> None:
    street.tenants.put("no-secret", payload(clientKey="no-secret", sharedSecret=...))

    for _ in range(2):  # the second time from memory
        statuses = [
            (await street.get(path, params={"jwt": token})).status for path in ("/token", "/exact")
        ]
        assert statuses == [on_token_route, on_exact_route]


async def test_every_stored_secret_of_a_tenant_opens_the_door(street: Street) -> None:
    street.tenants.put(SITE, payload(sharedSecret="newer"), payload(sharedSecret="older"))

    for secret in ("newer", "older"):
        answer = await street.get(f"/token?jwt={context_token(secret=secret)}")
        assert answer.status == 200


@pytest.mark.parametrize("target", ["/exact?b=2&a=1+%7e&a=0", "/EXACT?", "/exact/", "/exact?a=%zz"])
async def test_the_hash_is_of_the_target_as_it_was_received(street: Street, target: str) -> None:
    token = exact_token(target=target)
    joint = "&" if "?" in target else "?"

    status, _ = await street.say(
        f"GET {target}{joint}jwt={token} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
    )

    assert status == 200


async def test_the_hash_leaves_out_the_path_of_the_base_url() -> None:
    async with open_street(ROUTES, base_url="https://bff.example/base") as street:
        street.tenants.put(SITE, payload())

        answer = await street.get(f"/base/exact?jwt={exact_token()}")

        assert answer.status == 200


# --- the order of checks -------------------------------------------------------------------------


async def test_a_bad_token_with_a_bad_body_is_a_401(street: Street) -> None:
    headers = {"Content-Type": "application/json"}
    for place in ({"params": {"jwt": BAD}}, {"headers": {"Authorization": f"JWT {BAD}"} | headers}):
        answer = await street.post("/token", **({"data": b"{", "headers": headers} | place))
        assert answer.status == 401


async def test_a_good_token_with_a_bad_body_is_a_400(street: Street) -> None:
    answer = await street.post(
        f"/token?jwt={GOOD}", data=b"{", headers={"Content-Type": "application/json"}
    )

    assert answer.status == 400
    assert orjson.loads(answer.text) == {"error": "The request body is not valid JSON"}


@pytest.mark.parametrize("place", ["query", "header"])
async def test_a_bad_token_outside_the_body_is_refused_before_the_body_comes(
    street: Street, place: str
) -> None:
    query, field = (
        (f"?jwt={BAD}", "") if place == "query" else ("", f"Authorization: JWT {BAD}\r\n")
    )
    head = (
        f"POST /token{query} HTTP/1.1\r\nHost: x\r\n{field}"
        "Content-Type: application/json\r\nContent-Length: 5000000\r\n\r\n"
    )

    status, _ = await street.say(head.encode())

    assert status == 401


async def test_a_good_token_in_a_large_body_does_not_mend_a_bad_one_in_a_header(
    street: Street,
) -> None:
    """Else anybody could make us read ten megabytes."""
    answer = await street.post(
        "/token",
        json={"jwt": GOOD, "filling": "x" * 70_000},
        headers={"Authorization": f"JWT {BAD}"},
    )

    assert answer.status == 401


async def test_a_door_and_a_handler_read_the_body_once(street: Street) -> None:
    answer = await street.post(f"/token?jwt={GOOD}", json={"messages": [1, 2]})

    assert orjson.loads(answer.text)["body"] == {"messages": [1, 2]}


# --- verified once, and never longer than the tenant lives ---------------------------------------


async def test_a_token_that_verified_is_remembered(street: Street) -> None:
    await street.get(f"/token?jwt={GOOD}")
    await street.get(f"/token?jwt={GOOD}")

    assert len(street.services.remembered) == 1


async def test_a_remembered_token_still_expires(street: Street) -> None:
    before = await street.get(f"/token?jwt={GOOD}")
    street.clock[0] = NOW + 180
    after = await street.get(f"/token?jwt={GOOD}")

    assert (before.status, after.status) == (200, 401)


async def test_a_reinstall_ends_a_remembered_token_at_once(street: Street) -> None:
    before = await street.get(f"/token?jwt={GOOD}")
    street.tenants.put(SITE, payload(sharedSecret="new"))
    old = await street.get(f"/token?jwt={GOOD}")
    new = await street.get(f"/token?jwt={context_token(secret='new')}")

    assert (before.status, old.status, new.status) == (200, 401, 200)


async def test_an_uninstall_ends_a_remembered_token_at_once(street: Street) -> None:
    before = await street.get(f"/token?jwt={GOOD}")
    await street.tenants.retire(SITE)
    after = await street.get(f"/token?jwt={GOOD}")

    assert (before.status, after.status) == (200, 401)


async def test_a_reinstall_that_another_process_saw_opens_the_door_here(street: Street) -> None:
    street.tenants.put_elsewhere(SITE, payload(sharedSecret="new"))

    answer = await street.get(f"/token?jwt={context_token(secret='new')}")

    assert answer.status == 200
    assert street.tenants.looked == [SITE]


async def test_a_first_install_after_an_uninstall_that_another_process_saw_opens_it_too(
    street: Street,
) -> None:
    await street.tenants.retire(SITE)
    street.tenants.put_elsewhere(SITE, payload())

    assert (await street.get(f"/token?jwt={GOOD}")).status == 200


async def test_made_up_tokens_do_not_make_the_database_work(street: Street) -> None:
    for number in range(5):
        await street.get(f"/token?jwt={context_token(secret='wrong', sub=str(number))}")
    street.clock[0] += 1
    await street.get(f"/token?jwt={context_token(secret='wrong')}")
    await street.get(f"/token?jwt={context_token(iss='nobody')}")

    assert street.tenants.looked == [SITE, SITE]


# --- the session token (§4.5) --------------------------------------------------------------------


async def test_an_admitted_request_brings_a_session_token_that_opens_token_routes(
    street: Street,
) -> None:
    first = await street.get(f"/token?jwt={context_token(context={'user': {'accountId': 'u'}})}")
    session = first.headers["X-acpt"]

    again = await street.get("/token", headers={"X-acpt": session})
    exact = await street.get("/exact", headers={"X-acpt": session})

    assert read_token(session).claims == {
        "iss": APP,
        "iat": NOW,
        "sub": "account-1",
        "exp": NOW + 900,
        "aud": [SITE],
        "context": {"user": {"accountId": "u"}},
    }
    assert (again.status, orjson.loads(again.text)["user"]) == (200, "u")
    assert exact.status == 401


# --- how a refusal is told (§4.4) ----------------------------------------------------------------

NO_TOKEN = "Could not find authentication data on request"


@pytest.mark.parametrize("accept", [None, "*/*", "text/plain", "image/png", "x", ";q=", "text/*"])
async def test_a_refusal_in_plain_text(street: Street, accept: str | None) -> None:
    headers = {} if accept is None else {"Accept": accept}
    answer = await street.call(
        "GET", "/token", headers=headers, skip_auto_headers=["Accept"] if accept is None else []
    )

    assert (answer.status, answer.text) == (401, NO_TOKEN)
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"


async def test_a_refusal_in_json(street: Street) -> None:
    answer = await street.get("/token", headers={"Accept": "application/json"})

    assert (answer.status, orjson.loads(answer.text)) == (401, {"message": NO_TOKEN})
    assert answer.headers["Content-Type"] == "application/json; charset=utf-8"


async def test_a_refusal_as_a_page(street: Street) -> None:
    answer = await street.get(
        "/token", headers={"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    )

    assert answer.status == 401
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    assert f"<p>Unauthorized: {NO_TOKEN}</p>" in answer.text
    assert "<title>Diagramly For Confluence: AI Diagram and GPT Aide</title>" in answer.text
    assert '<meta name="ap-local-base-url" content="https://bff.example">' in answer.text
    assert '<script src="https://connect-cdn.atl-paas.net/all.js"></script>' in answer.text


async def test_a_refusal_quotes_nothing_of_the_token(street: Street) -> None:
    token = context_token(iss="<b>nobody</b>", header={"alg": "<i>none</i>"})

    for accept in ("text/plain", "text/html", "application/json"):
        answer = await street.get(f"/token?jwt={token}", headers={"Accept": accept})
        assert answer.status == 401
        assert "nobody" not in answer.text
        assert "none" not in answer.text


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", "text/plain"),
        ("application/json, text/plain, */*", "application/json"),
        ("text/plain, application/json", "text/plain"),
        ("text/plain;q=0.5, application/json", "application/json"),
        ("text/html;q=0, */*", "text/plain"),
        ("text/plain;q=0, */*", "text/html"),
        ("TEXT/HTML", "text/html"),
        ("application/*", "application/json"),
        ("*/*, application/json", "application/json"),
        ("application/json;q=0.1, */*;q=0.9", "text/plain"),
        ("text/html; charset=utf-8; q=0.9, text/plain;q=0.8", "text/html"),
        ("application/json;q=7", "text/plain"),
        ("application/json;q=x", "text/plain"),
        ("text/plain;q=0, text/html;q=0, application/json;q=0", "text/plain"),
    ],
)
def test_the_form_a_caller_likes_best(accept: str, expected: str) -> None:
    assert choose_form(accept) == expected
