"""The one suite that every provider of the table keeps; a row of the table is all it takes."""

from functools import reduce
from operator import or_

import pytest

from bff.simulators.vendors import VENDORS
from tests.providers.contract.rows import Row, rows, wired
from tests.providers.contract.suite import SCENARIOS, Scenario, name_of, play

ROWS = rows(VENDORS)


@pytest.mark.parametrize("row", ROWS, ids=str)
@pytest.mark.parametrize("scenario", SCENARIOS, ids=name_of)
async def test_every_provider_keeps_the_contract(scenario: Scenario, row: Row) -> None:
    await play(scenario, row)


def test_every_provider_that_is_wired_has_a_stand_in_and_the_other_way_round() -> None:
    environments = [dict(row.environment(f"http://127.0.0.1:9/{row.name}", "")) for row in VENDORS]

    assert {row.name for row in VENDORS} == set(wired(reduce(or_, environments)))


def test_every_vendor_is_in_the_suite_with_all_its_variants_and_ways() -> None:
    direct = {(row.stand_in.name, row.variant) for row in ROWS if row.way == "direct"}
    through = {row.stand_in.name for row in ROWS if row.way == "gateway"}

    assert direct == {(row.name, variant) for row in VENDORS for variant in row.variants}
    assert through == {row.name for row in VENDORS if row.gateway}
