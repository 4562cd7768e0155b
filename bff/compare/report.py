"""What a person reads: each unknown difference side by side, the known ones by their reason, a line
that sums up. Pure: width and colours are arguments.

Nothing is masked here; outcomes hold no secret (reading.py).
"""

import textwrap
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from bff.compare.diff import Difference
from bff.compare.judging import Found, Verdict
from bff.compare.known import Known
from bff.compare.requests import Request
from bff.compare.tokens import KINDS, NONE

NARROWEST, WIDEST = 60, 180
_LINES_MOST = 6  # of one value
_CONTEXT = 24  # characters that are the same, before the first that differs
_NOT_THERE = "(none)"
_EXAMPLES = 3


@dataclass(frozen=True, slots=True)
class Paper:
    """What is written on: its *width* in characters, and whether it shows colours."""

    width: int = 100
    colours: bool = False

    def bold(self, text: str) -> str:
        return self._dyed("1", text)

    def faint(self, text: str) -> str:
        return self._dyed("2", text)

    def red(self, text: str) -> str:
        return self._dyed("31", text)

    def green(self, text: str) -> str:
        return self._dyed("32", text)

    def yellow(self, text: str) -> str:
        return self._dyed("33", text)

    def _dyed(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self.colours and text.strip() else text


def open_paper(width: int, *, colours: bool) -> Paper:
    return Paper(min(max(width, NARROWEST), WIDEST), colours)


# -- one request -----------------------------------------------------------------------------------


def side_by_side(verdict: Verdict, paper: Paper, *, everything: bool = False) -> list[str]:
    """A heading and a table of what differs; with *everything* the known differences too."""
    found = verdict.found if everything else verdict.unknown
    label = min(max(len(_part(item.difference)) for item in found), paper.width // 4)
    column = (paper.width - label - 6) // 2
    lines = [
        *_heading(verdict.request, paper),
        paper.faint(_columns("", "node", "bff", label, column)),
    ]
    for item in found:
        lines += _rows(item, label, column, paper)
    return lines


def _heading(request: Request, paper: Paper) -> list[str]:
    said = f"{request.method} {request.target}"
    if request.token != NONE:
        said += f", a token {KINDS[request.token].says}, in {request.place}"
    lines = [paper.bold(request.name)]
    wrapped = textwrap.wrap(said, paper.width - 2) or [""]
    return lines + [paper.faint(f"  {line}") for line in wrapped]


def _rows(item: Found, label: int, column: int, paper: Paper) -> Iterator[str]:
    part = textwrap.wrap(_part(item.difference), label) or [""]
    node, bff = excerpts(item.difference)
    left, right = _folded(node, column), _folded(bff, column)
    dye = paper.red if item.known is None else paper.yellow
    for at in range(max(len(part), len(left), len(right))):
        cells = [_cell(lines, at) for lines in (part, left, right)]
        named = dye(f"{cells[0]:<{label}}")
        yield f"  {named}  {cells[1]:<{column}}  {cells[2]}".rstrip()
    if item.known is not None:
        for line in textwrap.wrap(f"known: {item.known.reason}", paper.width - label - 4):
            yield f"  {'':<{label}}  {paper.faint(line)}"


def _columns(part: str, node: str, bff: str, label: int, column: int) -> str:
    return f"  {part:<{label}}  {node:<{column}}  {bff}".rstrip()


def _part(difference: Difference) -> str:
    return difference.part.removeprefix("header ")


def _cell(lines: Sequence[str], at: int) -> str:
    return lines[at] if at < len(lines) else ""


def excerpts(difference: Difference) -> tuple[str, str]:
    """Both values from a little before the place where they part; a value that is not there is
    said so.
    """
    node, bff = difference.node, difference.bff
    if node is None or bff is None:
        return node or _NOT_THERE, bff or _NOT_THERE
    same = next(
        (at for at, (left, right) in enumerate(zip(node, bff, strict=False)) if left != right),
        min(len(node), len(bff)),
    )
    cut = max(0, same - _CONTEXT)
    return (f"…{node[cut:]}", f"…{bff[cut:]}") if cut else (node, bff)


def _folded(text: str, column: int) -> list[str]:
    """*text* in lines of *column* characters; control characters as Python writes them."""
    plain = "".join(letter if letter.isprintable() else _spelled(letter) for letter in text)
    lines = textwrap.wrap(plain, column, drop_whitespace=False, break_on_hyphens=False) or ['""']
    if len(lines) <= _LINES_MOST:
        return lines
    left_out = sum(map(len, lines[_LINES_MOST - 1 :]))
    return [*lines[: _LINES_MOST - 1], f"… {left_out} characters more"]


def _spelled(letter: str) -> str:
    return "⏎" if letter == "\n" else ascii(letter)[1:-1]


# -- the rest --------------------------------------------------------------------------------------


def known_by_reason(verdicts: Iterable[Verdict], paper: Paper) -> list[list[str]]:
    """Each row that explained something: how often, why, and where for example."""
    by_row: dict[Known, list[tuple[Verdict, Found]]] = {}
    for verdict in verdicts:
        for found in verdict.found:
            if found.known is not None:
                by_row.setdefault(found.known, []).append((verdict, found))
    groups = (
        ("On every answer, known and wanted", [row for row in by_row if row.everywhere]),
        ("Known and wanted", [row for row in by_row if not row.everywhere]),
    )
    blocks = []
    for title, rows in groups:
        lines = [paper.bold(title)] if rows else []
        for row in sorted(rows, key=lambda row: -len(_requests(by_row[row]))):
            lines += _reason(row, by_row[row], paper)
        blocks.append(lines)
    return list(filter(None, blocks))


def _reason(row: Known, where: Sequence[tuple[Verdict, Found]], paper: Paper) -> Iterator[str]:
    names = _requests(where)
    count = f"{len(names)}x"
    said = textwrap.wrap(f"{row.reason} ({row.source})", paper.width - 8)
    for at, line in enumerate(said):
        yield f"{count if at == 0 else '':>6}  {line}"
    parts = ", ".join(sorted({_part(found.difference) for _, found in where}))
    examples = ", ".join(names[:_EXAMPLES]) + (", …" if len(names) > _EXAMPLES else "")
    shown = parts if row.everywhere else f"{parts}: {examples}"
    for line in textwrap.wrap(shown, paper.width - 8):
        yield f"        {paper.faint(line)}"


def _requests(where: Iterable[tuple[Verdict, Found]]) -> list[str]:
    return list(dict.fromkeys(verdict.request.name for verdict, _ in where))


def unused_rows(rows: Sequence[Known], paper: Paper) -> list[str]:
    """Rows of the data file that no difference needed."""
    if not rows:
        return []
    lines = [paper.bold("Known, and not seen this time"), "  No difference needed these rows:"]
    for row in rows:
        said = f"{', '.join(row.requests)} / {', '.join(row.parts)}: {row.reason}"
        lines += textwrap.wrap(said, paper.width - 4, initial_indent="  ", subsequent_indent="    ")
    return lines


def summary(verdicts: Sequence[Verdict], left_out: Sequence[str], paper: Paper) -> list[str]:
    """How many were left out and why, then one line with all the counts."""
    counts = count(verdicts)
    lines = [paper.faint(f"Not sent: {reason}.") for reason in left_out]
    different = f"{counts.different} different"
    lines.append(
        f"{_plural(len(verdicts), 'request')}: {counts.same} the same, {counts.known} with known "
        f"differences, {paper.red(different) if counts.different else paper.green(different)}."
    )
    return lines


@dataclass(frozen=True, slots=True)
class Counts:
    same: int
    known: int
    different: int


def count(verdicts: Iterable[Verdict]) -> Counts:
    listed = list(verdicts)
    same = sum(verdict.same for verdict in listed)
    different = sum(bool(verdict.unknown) for verdict in listed)
    return Counts(same, len(listed) - same - different, different)


def _plural(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def as_json(
    verdicts: Sequence[Verdict], rows: Sequence[Known], left_out: Sequence[str]
) -> dict[str, object]:
    """The same for a program; *rows* are the ones that explain nothing any more."""
    counts = count(verdicts)
    return {
        "requests": len(verdicts),
        "same": counts.same,
        "known": counts.known,
        "different": counts.different,
        "left_out": list(left_out),
        "unused": [{"reason": row.reason, "source": row.source} for row in rows],
        "differences": [
            {
                "request": verdict.request.name,
                "answers": verdict.answers,
                "part": found.difference.part,
                "node": found.difference.node,
                "bff": found.difference.bff,
                "known": found.known.reason if found.known else None,
            }
            for verdict in verdicts
            for found in verdict.found
        ],
    }
