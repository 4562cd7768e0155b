"""Settings read: the environment, then a `.env` file, then the defaults; all mistakes at once."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

from dotenv import dotenv_values
from pydantic import ValidationError

from bff.errors import Kind, Problem
from bff.settings.fields import Settings
from bff.settings.judging import wrong_models, wrong_upstream, wrong_urls
from bff.settings.said import Said, field_of, may_hold


class WrongSetting(Problem):
    """The start stops here. Its text is one line: the variable, what it holds, what it may hold."""

    def __init__(self, *lines: str) -> None:
        super().__init__(Kind.INVALID, lines[0])
        self.lines = lines  # all that was wrong, for `bff check`

    def __str__(self) -> str:
        return self.public


def read_settings(
    environment: Mapping[str, str] | None = None,
    *,
    default_app_env: Literal["development", "production"] = "production",
    upstream_needed: bool = True,
) -> Settings:
    """From *environment*, or from the process's own and `.env`. Raises WrongSetting.

    Where no question is asked (*upstream_needed* false), no key is needed either.
    """
    said = Said(_own_environment() if environment is None else environment)
    said.assume("app_env", default_app_env)
    lines = [*_read_prompt(said), *_place_database(said)]
    if lines:
        raise WrongSetting(*lines)
    try:
        settings = Settings.model_validate(said.values)
    except ValidationError as error:
        wrong = dict.fromkeys(field_of(str(fault["loc"][0])) for fault in error.errors())
        lines = [said.line(field, may_hold(field)) for field in wrong]
        raise WrongSetting(*lines) from None  # pydantic's own words hold the values
    lines = [
        *wrong_urls(settings, said),
        *wrong_upstream(settings, said, upstream_needed),
        *(wrong_models(settings, said) if upstream_needed else ()),
    ]
    if lines:
        raise WrongSetting(*lines)
    return settings


def _own_environment() -> dict[str, str]:
    """The process's, over the file's."""
    try:
        file = dotenv_values(".env", interpolate=False, encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise WrongSetting(
            f".env cannot be read ({type(error).__name__}); it may hold UTF-8 lines NAME=value."
        ) from error
    return {name: text for name, text in file.items() if text} | {
        name: text
        for name, text in os.environ.items()  # noqa: TID251 - here and nowhere else
        if text
    }


def _read_prompt(said: Said) -> Iterator[str]:
    path = said.text("chat_system_prompt_file")
    if path is None or said.text("chat_system_prompt") is not None:
        return
    try:
        text = Path(path).read_text("utf-8").strip()
    except (OSError, ValueError):
        text = ""
    if text:
        said.assume("chat_system_prompt", text)
    else:
        yield said.line("chat_system_prompt_file", may_hold("chat_system_prompt_file"))


def _place_database(said: Said) -> Iterator[str]:
    if said.text("database_url") is not None:
        return
    directory = Path(said.text("ace_server_db_dir") or ".")
    if directory.is_dir():
        said.assume("database_url", f"sqlite:///{directory / 'database.sqlite'}")
    else:
        yield said.line("ace_server_db_dir", may_hold("ace_server_db_dir"))
