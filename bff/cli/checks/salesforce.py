"""Salesforce: a token is fetched, looked at and used once, for a question that is none.

Nothing is spent: an empty body is refused before a model reads it. Source: providers.md §4.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from bff.cli.checks.asking import Asker, Seen, Way
from bff.cli.checks.findings import Finding, failed, ok, warning
from bff.cli.checks.models import Named, variables_of

_TOKEN, _MODELS = "Salesforce token", "Salesforce models"
_KEYS = "SALESFORCE_CONSUMER_KEY and SALESFORCE_CONSUMER_SECRET"
_APP = "the external client app"
_WORDS = {
    "invalid_client": f"look at {_KEYS}",
    "invalid_client_id": "look at SALESFORCE_CONSUMER_KEY",
    "invalid_grant": f"look at {_KEYS}, and at who {_APP} runs as",
    "unsupported_grant_type": f"switch on the client credentials flow of {_APP}",
}
_SCOPES = ("sfap_api", "api")
_HEADERS = {
    "x-sfdc-app-context": "EinsteinGPT",
    "x-client-feature-id": "ai-platform-models-connected-app",
}


@dataclass(frozen=True, slots=True)
class Salesforce:
    """*address_of* a model is where it is asked."""

    instance_url: str
    key: str = field(repr=False)
    secret: str = field(repr=False)
    address_of: Callable[[str], str]


async def look_at_salesforce(
    asker: Asker, salesforce: Salesforce, named: Named
) -> AsyncIterator[Finding]:
    form = {
        "grant_type": "client_credentials",
        "client_id": salesforce.key,
        "client_secret": salesforce.secret,
    }
    seen = await asker.ask(Way(f"{salesforce.instance_url}/services/oauth2/token", form=form))
    wrong = _judge_token(seen)
    if wrong is not None:
        yield wrong
        return
    yield ok(_TOKEN, "it is given")
    headers = {**_HEADERS, "Authorization": f"Bearer {seen.value['access_token']}"}
    for model in named:
        asked = await asker.ask(Way(salesforce.address_of(model), headers, body={}))
        yield _judge_model(asked, model, variables_of(named, model))


def _judge_token(seen: Seen) -> Finding | None:
    """What is wrong with it; None where nothing is."""
    told = seen.value
    if not seen.status:
        return failed(_TOKEN, f"the org {seen.why}: look at SALESFORCE_INSTANCE_URL")
    code = told.get("error")
    if not seen.good and isinstance(code, str):
        return failed(
            _TOKEN, f"it is refused ({_word(code)}): {_WORDS.get(code, f'look at {_APP}')}"
        )
    token = told.get("access_token")
    if not seen.good or not isinstance(token, str):
        said = f"the org answers {seen.status} without one"
        return failed(_TOKEN, f"{said}: look at SALESFORCE_INSTANCE_URL")
    if token.count(".") != 2:
        return failed(_TOKEN, f"it is no JWT: switch on JWT-based access tokens of {_APP}")
    scopes = told.get("scope")
    if isinstance(scopes, str):
        lacking = [scope for scope in _SCOPES if scope not in scopes.split()]
        if lacking:
            return failed(_TOKEN, f"it lacks the scope {' and '.join(lacking)}: add it to {_APP}")
    return None


def _word(code: str) -> str:
    """Somebody else's word, in a line of ours."""
    return code if code.isidentifier() and len(code) <= 40 else "a code of its own"


def _judge_model(seen: Seen, model: str, said_by: str) -> Finding:
    if seen.good or seen.status in (400, 422):
        return ok(_MODELS, model)
    if not seen.status:
        return failed(_MODELS, f"the Models API {seen.why}: look at SALESFORCE_API_URL")
    if seen.status == 404:
        where = f"look at {said_by}, and at SALESFORCE_API_URL"
        return failed(_MODELS, f"{model} is not there: {where}")
    if seen.status == 403:
        rights = "look at the org's Einstein entitlements and the app's scopes"
        return failed(_MODELS, f"{model} may not be used (403): {rights}")
    if seen.status == 401:
        return failed(_MODELS, f"the token is refused (401): look at the scopes of {_APP}")
    if seen.status == 429:
        return warning(_MODELS, f"{model}: the org's limit is used up (429)")
    return warning(_MODELS, f"{model} answers {seen.status}: run it again")
