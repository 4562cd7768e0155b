import orjson
from hypothesis import given
from hypothesis import strategies as st

from bff.store.installs import read_tenant, read_val, retire, without_secrets

INSTALL = {
    "key": "gptdock-confluence",
    "clientKey": "site",
    "sharedSecret": "s1",
    "baseUrl": "https://x.atlassian.net/wiki",
}

_JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), _JSON, max_size=4), st.integers(0, 2))
def test_an_object_is_read_however_often_it_was_put_into_text(value: dict, times: int) -> None:
    stored: object = value
    for _ in range(times):
        stored = orjson.dumps(stored).decode()

    assert read_val(stored) == value


def test_what_holds_no_object_says_nothing() -> None:
    for stored in (None, "", "null", "5", "[]", '"text"', "{", b"\xff", 7, '{"a":'):
        assert read_val(stored) is None


def test_every_secret_is_kept_newest_first_and_once() -> None:
    vals = [{**INSTALL, "sharedSecret": secret} for secret in ("new", "old", "new", "", None, 5)]

    tenant = read_tenant("site", vals)

    assert tenant is not None
    assert tenant.secrets == ("new", "old")
    assert tenant.settings == vals[0]


def test_the_newest_row_that_can_sign_describes_the_tenant() -> None:
    tenant = read_tenant("site", [{"baseUrl": 5}, INSTALL])

    assert tenant is not None
    assert (tenant.base_url, tenant.key) == ("https://x.atlassian.net/wiki", "gptdock-confluence")


def test_a_tenant_without_secrets_is_still_a_tenant() -> None:
    tenant = read_tenant("site", ["null", {"baseUrl": 5}])

    assert tenant is not None
    assert (tenant.secrets, tenant.base_url, tenant.key) == ((), "", "")
    assert read_tenant("site", ["null", None, "text"]) is None


def test_retiring_leaves_nothing_that_signs_opens_or_proves() -> None:
    install = {
        **INSTALL,
        "jwt": "x",
        "oauth": {"clientSecret": "y", "id": "1"},
        "list": [{"accessToken": "z"}, 3],
    }

    retired = retire(install, "2026-11-24T10:00:00Z")

    assert retired == {
        "key": "gptdock-confluence",
        "clientKey": "site",
        "baseUrl": "https://x.atlassian.net/wiki",
        "oauth": {"id": "1"},
        "list": [{}, 3],
        "retiredAt": "2026-11-24T10:00:00Z",
    }
    assert without_secrets(retired) == retired


def test_a_secret_is_not_printed() -> None:
    assert "s1" not in repr(read_tenant("site", [INSTALL]))
