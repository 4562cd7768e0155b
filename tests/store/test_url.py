import pytest

from bff.store.url import read_database_url


@pytest.mark.parametrize(
    ("url", "dialect", "place"),
    [
        ("sqlite:///database.sqlite", "sqlite", "database.sqlite"),
        ("sqlite:////srv/app/database.sqlite", "sqlite", "/srv/app/database.sqlite"),
        ("postgres://u:p@h:5432/n", "postgresql", "postgres://u:p@h:5432/n"),
        ("postgresql://u:p@h/n", "postgresql", "postgresql://u:p@h/n"),
        ("postgres://u@h/n?sslmode=require", "postgresql", "postgres://u@h/n?sslmode=require"),
        ("postgres://u@h/n?sslmode=no-verify", "postgresql", "postgres://u@h/n?sslmode=require"),
        ("postgres://u@h/n?ssl=true", "postgresql", "postgres://u@h/n?sslmode=require"),
        ("postgres://u@h/n?ssl=false", "postgresql", "postgres://u@h/n"),
        ("postgresql://u:@/n?host=/run/pg", "postgresql", "postgresql://u:@/n?host=/run/pg"),
    ],
)
def test_a_url_names_its_dialect_and_its_place(url: str, dialect: str, place: str) -> None:
    found = read_database_url(url)

    assert (found.dialect, found.place) == (dialect, place)


@pytest.mark.parametrize(
    "url",
    [
        "mysql://u:hush@h/n",
        "sqlite://",
        "sqlite:///",
        "sqlite:///:memory:",
        "sqlite:///a.db?mode=ro",
        "postgres://u:hush@h:port/n",
        "postgres://u:hush@[h/n",
        "postgres://u:hush@h/n?sslmode=maybe",
        "database.sqlite",
    ],
)
def test_what_cannot_be_opened_is_refused_without_saying_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r".+") as refused:
        read_database_url(url)

    assert "hush" not in str(refused.value)
    assert refused.value.__cause__ is None


def test_a_password_is_not_printed() -> None:
    assert "hush" not in repr(read_database_url("postgres://u:hush@h/n"))
