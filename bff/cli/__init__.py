"""The commands: one row each here, one file each beside this one. Nothing is loaded to print help.

A failure is one line on stderr with its mend and exit 1, bad usage exit 2; a traceback comes with
`--debug` only. Source: operations.md "Commands".
"""

import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

import click

from bff import __version__
from bff.errors import Problem


class Failure(Exception):  # noqa: N818 - it is not a bug but an outcome
    """A command could not do it. The message is one line that says how to mend it."""


@dataclass(frozen=True, slots=True)
class Row:
    """A command: `bff.cli.<name>` holds it under the name `command`."""

    name: str
    does: str


COMMANDS = (
    Row("check", "Look at settings, database, gateway, keys, address and clock."),
    Row("compare", "Ask the Node app and this service the same, and show what differs."),
    Row("demo", "Try the add-on on one page: no key, no network, no database server."),
    Row("keys", "Make, list and revoke API keys."),
    Row("migrate", "Bring the database to the current schema."),
    Row("serve", "Run the service."),
    Row("simulate", "Run stand-ins for the vendors, with faults on demand."),
)


class _Commands(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:
        return [row.name for row in COMMANDS]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command = importlib.import_module(f"bff.cli.{cmd_name}").command
        assert isinstance(command, click.Command)  # noqa: S101 - every file of ours holds one
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(row.name, row.does) for row in COMMANDS])


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog="Try it: bff demo",
)
@click.version_option(__version__, prog_name="bff")
@click.option("--debug", is_flag=True, help="Show the traceback of a failure.")
def commands(debug: bool) -> None:
    """GPTDock BFF: the backend of the GPTDock Confluence add-on."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script. Always ends in SystemExit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given  # wherever it stands: the one option every command has
    given = [argument for argument in given if argument != "--debug"]
    try:
        code = commands.main(given, prog_name="bff", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        path = error.ctx.command_path if error.ctx else "bff"
        _say(f"{path}: {error.format_message().rstrip('.')}. See {path} --help.")
        sys.exit(2)
    except (click.Abort, KeyboardInterrupt):
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output has left; Python would complain at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
    except Exception as error:  # the outermost: a person gets a line, not a traceback
        if debug:
            raise
        _say(_line(error))
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)


def _line(error: Exception) -> str:
    if isinstance(error, Problem):
        return error.public
    if isinstance(error, Failure):
        return str(error)
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror}: {error.filename}." if error.filename else f"{error.strerror}."
    return f"Unexpected {type(error).__name__}. Run it again with --debug to see where."


def _say(line: str) -> None:
    click.echo(" ".join(line.split()), err=True)
