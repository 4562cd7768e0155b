"""What a setting may hold: the kinds of value, each with its check and the words for it. Pure."""

import re
from typing import Annotated, Any
from urllib.parse import urlsplit

import orjson
from pydantic import AfterValidator, AliasChoices, BeforeValidator, Field, SecretStr

from bff.store.url import read_database_url

CLOUDFLARE = "https://gateway.ai.cloudflare.com/v1"
OPENAI = "https://api.openai.com/v1"
FORGE_KEYS = "https://forge.cdn.prod.atlassian-dev.net/.well-known/jwks.json"
AXIOM = "https://api.axiom.co"
ANTHROPIC = "https://api.anthropic.com"
SALESFORCE = "https://api.salesforce.com/einstein/platform/v1"
STRAICO = "https://api.straico.com"
PROVIDERS = ("anthropic", "azure", "openai", "salesforce", "straico")
OFF = "off"

_FORGE_APP_ARI = "ari:cloud:ecosystem::app/"


def absolute_url(text: str) -> str:
    """Scheme and host in lower case, no slash at the end. Raises ValueError."""
    parts = urlsplit(text)
    _ = parts.port  # looked at only when asked for
    if parts.scheme.lower() not in ("http", "https") or not parts.hostname:
        raise ValueError("not an absolute http(s) URL")
    if (
        "@" in parts.netloc
        or parts.query
        or parts.fragment
        or not text.isprintable()
        or " " in text
    ):
        raise ValueError("more than scheme, host and path")
    return parts._replace(netloc=parts.netloc.lower()).geturl().rstrip("/")


def address(text: str) -> str:
    """An absolute URL as it was written: the descriptor repeats it to the letter."""
    absolute_url(text)
    return text


def url_or_off(text: str) -> str:
    return OFF if text.lower() == OFF else absolute_url(text)


def nothing_if_off(text: object) -> object:
    return None if isinstance(text, str) and text.strip().lower() == OFF else text


def fits_header(secret: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[!-~]+", secret.get_secret_value()):
        raise ValueError("not one printable ASCII word")
    return secret


def database(text: str) -> str:
    read_database_url(text)
    return text


def model(text: object) -> str:
    """`provider/model`, split at the first slash. Raises ValueError."""
    provider, _, name = text.partition("/") if isinstance(text, str) else ("", "", "")
    if provider not in PROVIDERS or not re.fullmatch(r"[!-~]+", name):
        raise ValueError("not provider/model")
    return f"{provider}/{name}"


def models(text: object) -> tuple[str, ...]:
    return tuple(map(model, listed(text)))


def models_by_name(value: object) -> dict[str, tuple[str, ...]]:
    """A JSON object of lists of models, or of one model. Raises ValueError."""
    said = _json_object(value)
    if not all(isinstance(names, list | str) and names for names in said.values()):
        raise ValueError("not lists of models")
    return {
        name: tuple(map(model, [names] if isinstance(names, str) else names))
        for name, names in said.items()
    }


def model_by_name(value: object) -> dict[str, str]:
    """A JSON object of models. Raises ValueError."""
    return {name: model(target) for name, target in _json_object(value).items()}


def _json_object(value: object) -> dict[str, Any]:
    said = orjson.loads(value) if isinstance(value, str) else value
    if not isinstance(said, dict) or not all(said):
        raise ValueError("not a JSON object")
    return said


def pairs(text: object) -> object:
    """`name=value`, comma separated. Raises ValueError."""
    if not isinstance(text, str):
        return text
    found: dict[str, str] = {}
    for item in listed(text):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not (name and equals and value):
            raise ValueError("not name=value")
        found[name] = value
    return found


def forge_app(text: object) -> object:
    """The bare id: Atlassian's own tools show it behind its ARI."""
    return text.removeprefix(_FORGE_APP_ARI) if isinstance(text, str) else text


def listed(text: object) -> Any:
    if isinstance(text, str):
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def lower(text: object) -> object:
    return text.lower() if isinstance(text, str) else text


Url = Annotated[str, AfterValidator(absolute_url)]
Address = Annotated[str, AfterValidator(address)]  # compared to the letter
Header = Annotated[SecretStr, AfterValidator(fits_header)]
Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{1,64}$")]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Count = Annotated[int, Field(ge=1)]
CountOrOff = Annotated[Count | None, BeforeValidator(nothing_if_off)]

A_TOKEN = "one word of printable ASCII, without spaces or line ends"  # noqa: S105 - a description
A_NAME = "1 to 64 letters, digits, - and _"
AN_URL = "an absolute http(s) URL without user, query or fragment"
A_MODEL = f"provider/model, such as openai/gpt-4o; providers: {', '.join(PROVIDERS)}"
SECONDS = "seconds, more than 0"
COUNT = "a whole number, 1 or more"
COUNT_OR_OFF = "a whole number, 1 or more, or off"


def setting(default: Any, *names: str, says: str, may: str, **more: Any) -> Any:
    """A field: its variable *names*, first wins; what it *says*; what it *may* hold."""
    if callable(default):
        more["default_factory"] = default
    else:
        more["default"] = default
    return Field(
        validation_alias=AliasChoices(*names),
        description=says,
        json_schema_extra={"may_hold": may},
        **more,
    )


def root_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"
