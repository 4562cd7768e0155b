"""The Node app's bugs, B1 to B37 of contract node-bff.md §9: each has a test that bears its number.

| bugs | where |
| --- | --- |
| B1-B3 what was logged | node_bugs/test_logs.py |
| B4-B9, B29, B30 the way to the model | node_bugs/test_upstream.py, web/test_conversations.py |
| B10, B12, B13, B28 diagrams | node_bugs/test_quota.py, web/test_diagrams.py |
| B11 the approvals page | web/test_ai_aide.py |
| B14, B36 the account | web/test_account.py |
| B15 where quotas are kept | node_bugs/test_quota.py |
| B16-B22 installs and tokens | node_bugs/test_tenants.py |
| B23-B27, B34, B37 what the street says | node_bugs/test_street.py |
| B31 the monitor | web/test_monitor.py |
| B32, B33, B35 starting and ending | node_bugs/test_start.py |

A test is named `test_b08_…`, `test_b8_…` or `test_b01_b02_…`, wherever it stands.
"""

import re
from pathlib import Path

TESTS = Path(__file__).parents[1]
_NAMED = re.compile(r"^(?:async )?def test_((?:b\d{1,2}_)+)", re.MULTILINE)


def named() -> set[int]:
    names = (name for file in TESTS.rglob("test_*.py") for name in _NAMED.findall(file.read_text()))
    return {int(number) for name in names for number in re.findall(r"\d+", name)}


def test_every_bug_has_a_test_that_bears_its_number() -> None:
    assert set(range(1, 38)) <= named()


def test_no_number_is_made_up() -> None:
    assert named() <= set(range(1, 38))
