"""One PostgreSQL server for the rehearsals; each has a database of its own."""

from collections.abc import Iterator

import pytest

from tests.support.postgres import Postgres, open_postgres


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    with open_postgres() as server:
        yield server
