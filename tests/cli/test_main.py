"""What `main` makes of what a command raises; the commands themselves are tried as processes."""

import click
import pytest

from bff import cli
from bff.errors import Kind, Problem


@pytest.mark.parametrize(
    ("raised", "code", "line"),
    [
        (cli.Failure("It broke:\n  mend it."), 1, "It broke: mend it.\n"),
        (Problem(Kind.INTERNAL, "Storage is away."), 1, "Storage is away.\n"),
        (FileNotFoundError(2, "No such file", "a.txt"), 1, "No such file: a.txt.\n"),
        (OSError(98, "Address in use"), 1, "Address in use.\n"),
        (click.ClickException("Not so."), 1, "Not so.\n"),
        (
            KeyError("hush"),
            1,
            "Unexpected KeyError. Run it again with --debug to see where.\n",
        ),
        (KeyboardInterrupt(), 130, "\n"),
        (SystemExit(3), 3, ""),
    ],
)
def test_an_end_has_its_line_and_its_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    raised: BaseException,
    code: int,
    line: str,
) -> None:
    @click.command("check")
    def command() -> None:
        raise raised

    monkeypatch.setattr("bff.cli.check.command", command)

    with pytest.raises(SystemExit) as ended:
        cli.main(["check"])

    assert ended.value.code == code
    assert capsys.readouterr() == ("", line)


def test_a_bug_is_shown_with_debug_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    @click.command("check")
    def command() -> None:
        raise KeyError

    monkeypatch.setattr("bff.cli.check.command", command)

    for arguments in (["check", "--debug"], ["--debug", "check"]):
        with pytest.raises(KeyError):
            cli.main(arguments)


def test_help_ends_well(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["--version"], ["check", "--help"]):
        with pytest.raises(SystemExit) as ended:
            cli.main(arguments)
        assert ended.value.code == 0

    assert "Commands:" in capsys.readouterr().out
