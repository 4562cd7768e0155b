import json
from typing import Any

import pytest

from bff.chat.request import Tags
from bff.dialects.cloudflare import read_refusal, write_headers, write_metadata
from bff.errors import Kind, Sign

TAGS = Tags("bff", "t:1", "u:2", "-", "req_1")


def gateway_error(code: Any, **more: Any) -> bytes:
    return json.dumps(
        {
            "success": False,
            "result": [],
            "messages": [],
            "error": [{"code": code, "message": "x"}],
            "name": "AiGatewayError",
            "internalCode": code,
            **more,
        }
    ).encode()


@pytest.mark.parametrize(
    ("status", "code", "kind", "sign"),
    [
        (400, 2001, Kind.UPSTREAM_AUTH, Sign.GATEWAY_CONFIG),
        (400, 2002, Kind.UPSTREAM, Sign.GATEWAY_PROVIDER),
        (429, 2003, Kind.OWN_RATE_LIMIT, Sign.GATEWAY_LIMIT),
        (400, 2005, Kind.UPSTREAM, Sign.GATEWAY_PROVIDER),
        (400, 2008, Kind.UPSTREAM_AUTH, Sign.GATEWAY_CONFIG),
        (401, 2009, Kind.UPSTREAM_AUTH, Sign.GATEWAY_CONFIG),
        (424, 2016, Kind.CONTENT_POLICY, Sign.GATEWAY_POLICY),
        (424, 2017, Kind.CONTENT_POLICY, Sign.GATEWAY_POLICY),
        (402, 2021, Kind.BUDGET, Sign.GATEWAY_BILLING),
        (400, 2029, Kind.CONTENT_POLICY, Sign.GATEWAY_POLICY),
        (400, 2030, Kind.CONTENT_POLICY, Sign.GATEWAY_POLICY),
        (400, 2040, Kind.UPSTREAM_AUTH, Sign.GATEWAY_CONFIG),
        (429, 2041, Kind.BUDGET, Sign.GATEWAY_LIMIT),
        (429, 2045, Kind.BUDGET, Sign.GATEWAY_LIMIT),
        (401, 2047, Kind.UPSTREAM_AUTH, Sign.GATEWAY_CONFIG),
        (402, 2049, Kind.BUDGET, Sign.GATEWAY_BILLING),
        (503, 7013, Kind.CONTENT_POLICY, Sign.GATEWAY_POLICY),
        (402, 9999, Kind.BUDGET, Sign.GATEWAY_BILLING),
        (424, 9999, Kind.CONTENT_POLICY, Sign.GATEWAY_POLICY),
        (429, 9999, Kind.BUDGET, Sign.GATEWAY_LIMIT),
        (500, 9999, Kind.UPSTREAM, Sign.GATEWAY_UNKNOWN),
        (400, 2019, Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
        (400, "2001", Kind.BAD_REQUEST, Sign.PROVIDER_REFUSED),
    ],
)
def test_the_gateways_own_errors_are_known_by_their_code(
    status: int, code: Any, kind: Kind, sign: Sign
) -> None:
    problem = read_refusal(status, "application/json", gateway_error(code))

    assert problem is not None
    assert (problem.kind, problem.sign, problem.status) == (kind, sign, status)


def test_the_code_is_found_in_the_list_and_without_the_name() -> None:
    body = b'{"success":false,"error":[{"code":2005,"message":"x"}]}'

    problem = read_refusal(400, "application/json", body)

    assert problem is not None
    assert problem.sign is Sign.GATEWAY_PROVIDER


@pytest.mark.parametrize("error", [[], [5], "text", None])
def test_a_gateway_error_without_a_code_is_still_the_gateways(error: Any) -> None:
    body = json.dumps({"name": "AiGatewayError", "error": error}).encode()

    problem = read_refusal(503, "application/json", body)

    assert problem is not None
    assert problem.sign is Sign.GATEWAY_UNKNOWN


@pytest.mark.parametrize(
    ("body", "sign"),
    [
        (gateway_error(7013)[:-20], Sign.GATEWAY_POLICY),
        (gateway_error(2003)[:-20], Sign.GATEWAY_LIMIT),
        (b'{"name":"AiGatewayError","message":"' + b"x" * 100, Sign.GATEWAY_UNKNOWN),
    ],
)
def test_a_policys_refusal_that_arrives_in_part_is_still_the_gateways(
    body: bytes, sign: Sign
) -> None:
    problem = read_refusal(503, "application/json", body)

    assert problem is not None
    assert problem.sign is sign


@pytest.mark.parametrize(
    "body",
    [
        b'{"detail":[{"input":{"name":"AiGatewayError","code":2001}}]}',
        b'{"choices":[{"message":{"content":"AiGatewayError"}}]}',
        b'["AiGatewayError"]',
    ],
)
def test_what_only_quotes_the_gateways_name_is_not_its_word(body: bytes) -> None:
    assert read_refusal(422, "application/json", body) is None


@pytest.mark.parametrize("code", [2001, 2005])
def test_an_error_in_part_is_never_a_reason_to_go_round_the_gateway(code: int) -> None:
    quoted = b'{"detail":[{"input":{"name":"AiGatewayError","code":%d,"x":"' % code

    problem = read_refusal(422, "application/json", quoted)

    assert problem is not None
    assert problem.sign is Sign.PROVIDER_REFUSED


def test_broken_json_is_no_page_of_the_edge() -> None:
    assert read_refusal(503, "application/json", b'{"error":{"mess') is None
    assert read_refusal(503, "", b' {"error":{"mess') is None


@pytest.mark.parametrize(
    ("status", "content_type", "body", "kind", "sign"),
    [
        *[(status, "text/html", b"<html>", Kind.CONNECTION, Sign.EDGE) for status in (520, 521, 523, 525, 527)],
        (522, "", b"", Kind.TIMEOUT, Sign.EDGE),
        (524, "text/html", b"<html>", Kind.TIMEOUT, Sign.EDGE),
        (530, "text/html", b"", Kind.CONNECTION, Sign.EDGE),
        (530, "application/json", b'{"error":{}}', Kind.CONNECTION, Sign.EDGE),
        (502, "text/html", b"<html>", Kind.CONNECTION, Sign.EDGE),
        (503, "", b"", Kind.CONNECTION, Sign.EDGE),
        (504, "text/plain", b"x", Kind.TIMEOUT, Sign.EDGE),
        (403, "text/plain", b"error code: 1010\n", Kind.UPSTREAM_AUTH, Sign.EDGE_REFUSED),
    ],
)  # fmt: skip
def test_failures_of_the_edge_are_known_by_status_and_by_not_being_json(
    status: int, content_type: str, body: bytes, kind: Kind, sign: Sign
) -> None:
    problem = read_refusal(status, content_type, body)

    assert problem is not None
    assert (problem.kind, problem.sign) == (kind, sign)


@pytest.mark.parametrize(
    ("status", "content_type", "body"),
    [
        (502, "application/json", b'{"error":{"message":"x"}}'),
        (503, "application/json", b'{"error":{"message":"x"}}'),
        (500, "text/html", b"<html>"),
        (403, "application/json", b'{"error":{"message":"x"}}'),
        (403, "text/plain", b"forbidden"),
        (403, "application/json", b"error code: 1010"),
        (401, "application/json", b'{"error":{"code":"invalid_api_key"}}'),
        (400, "application/json", b'{"success":false,"error":"text"}'),
        (400, "application/json", b"[]"),
    ],
)
def test_everything_else_is_the_providers_own(status: int, content_type: str, body: bytes) -> None:
    assert read_refusal(status, content_type, body) is None


def test_every_call_carries_what_the_contract_names() -> None:
    assert write_headers(TAGS, token="tok", first_byte_s=25) == {
        "cf-aig-authorization": "Bearer tok",
        "cf-aig-no-wholesale": "true",
        "cf-aig-max-attempts": "1",
        "cf-aig-skip-cache": "true",
        "cf-aig-collect-log-payload": "true",
        "cf-aig-request-timeout": "24000",
        "cf-aig-metadata": '{"app":"bff","tenant":"t:1","user":"u:2","conv":"-","req":"req_1"}',
    }


def test_an_open_gateway_gets_no_token_and_a_private_one_no_payload() -> None:
    headers = write_headers(TAGS, token=None, first_byte_s=0.5, log_payload=False)

    assert "cf-aig-authorization" not in headers
    assert headers["cf-aig-collect-log-payload"] == "false"
    assert headers["cf-aig-request-timeout"] == "250"


def test_metadata_is_ascii_on_one_line() -> None:
    text = write_metadata(Tags("bff", "t:é\n", "u:2", "-", "req_1"))

    assert text.isascii()
    assert "\n" not in text


@pytest.mark.parametrize("tenant", [None, 5, "x" * 1100])
def test_metadata_that_would_be_dropped_or_refused_is_never_sent(tenant: Any) -> None:
    with pytest.raises(ValueError, match="five short strings"):
        write_metadata(Tags("bff", tenant, "u:2", "-", "req_1"))
