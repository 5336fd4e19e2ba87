"""A dump is taken apart as Postgres would read it, and nothing in it is run."""

from contextlib import suppress
from typing import Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.postgres.legacy.dump_statements import DumpReader
from adapters.postgres.legacy.dump_values import copied_table, created_table, inserted_rows, inserted_table
from adapters.postgres.legacy.errors import LegacyUnreadable


def statements_of(text: str) -> list[str]:
    """The statements of a dump without data."""
    return list(DumpReader(iter(text.splitlines(keepends=True))).statements())


def only_rows(statement: str) -> list[tuple[str | None, ...]]:
    """The rows of an INSERT."""
    inserted = inserted_table(statement)
    assert inserted is not None
    return list(inserted_rows(statement, inserted.values_at))


def test_statements_end_at_their_semicolons_and_nowhere_else() -> None:
    text = (
        "-- a comment; with one\n\\restrict token\nSET a = 'x;y''z;';\n"
        "INSERT INTO t VALUES (E'it\\'s;', 'two\nlines;'); SELECT 1; /* no ; */ SELECT $q$ ; $q$, \"a;b\"\n;\n"
    )

    assert statements_of(text) == [
        "SET a = 'x;y''z;';",
        "INSERT INTO t VALUES (E'it\\'s;', 'two\nlines;');",
        "SELECT 1;",
        '/* no ; */ SELECT $q$ ; $q$, "a;b"\n;',
    ]


def test_the_data_of_a_copy_is_read_as_data() -> None:
    reader = DumpReader(iter(["COPY t (a) FROM stdin;\n", "SELECT 1;\n", "'\n", "\\.\n", "SELECT 2;\n"]))
    statements = reader.statements()

    assert copied_table(next(statements)) is not None
    assert list(reader.data()) == ["SELECT 1;\n", "'\n"]
    assert list(statements) == ["SELECT 2;"]


def test_the_columns_of_a_table_are_the_first_words_of_its_parts() -> None:
    created = created_table(
        'CREATE TABLE public."Old" (\n id numeric(12, 3) DEFAULT nextval(\'a,b\'::regclass) NOT NULL,\n "a, b)" text,'
        " CONSTRAINT one UNIQUE (id), PRIMARY KEY (id), Kind text\n) PARTITION BY RANGE (id, kind);"
    )

    assert created is not None
    assert (created.schema, created.table, created.columns) == ("public", "Old", ("id", "a, b)", "kind"))


def test_values_are_read_as_they_are_written() -> None:
    statement = (
        "INSERT INTO public.t (a, \"b)\") OVERRIDING SYSTEM VALUE VALUES (1, 'it''s'), (-2.5e3, NULL),\n"
        "(true, E'tab\\there \\x41\\u00e4\\101 \\\\ '''), ('{}'::jsonb, '1 day'::interval(3)), "
        "(timestamp '2024-01-01', $$don't$$), ('a'::character varying(20), DEFAULT) ON CONFLICT DO NOTHING;"
    )

    assert only_rows(statement) == [
        ("1", "it's"),
        ("-2.5e3", None),
        ("true", "tab\there AäA \\ '"),
        ("{}", "1 day"),
        ("2024-01-01", "don't"),
        ("a", None),
    ]


@given(st.lists(st.lists(st.none() | st.text(), min_size=1, max_size=3), min_size=1, max_size=4))
def test_any_text_comes_back_from_its_insert(values: list[list[str | None]]) -> None:
    def literal(value: str | None) -> str:
        return "NULL" if value is None else "'" + value.replace("'", "''") + "'"

    written = ", ".join(f"({', '.join(map(literal, row))})" for row in values)
    statement = f"INSERT INTO t VALUES {written};"

    assert only_rows(statement) == [tuple(row) for row in values]
    assert statements_of(f"{statement}\nSELECT 1;\n") == [statement, "SELECT 1;"]


SQL_PIECES: Final = (
    *(
        "INSERT INTO t ",
        "VALUES (",
        "COPY t (a) FROM stdin;\n",
        "CREATE TABLE t (",
        "::text",
        "NULL",
        "ON CONFLICT",
        "1",
    ),
    *("'", "E'", '"', "$$", "\\", "/*", "*/", "--", ";", "(", ")", ",", "\n", "\\.\n", "\0", "\\u12", "é"),
)


@given(st.lists(st.sampled_from(SQL_PIECES) | st.text(max_size=3), max_size=20).map("".join))
def test_whatever_a_dump_holds_it_is_read_or_refused(text: str) -> None:
    reader = DumpReader(iter(text.splitlines(keepends=True)))
    with suppress(LegacyUnreadable):
        for statement in reader.statements():
            created_table(statement)
            if copied_table(statement) is not None:
                list(reader.data())
            elif inserted_table(statement) is not None:
                assert all(only_rows(statement))


@pytest.mark.parametrize(
    "values",
    [
        "VALUES (now())",
        "VALUES (CURRENT_TIMESTAMP, 1)",
        "VALUES (1, session_user)",
        "VALUES ((SELECT 1))",
        "SELECT * FROM secrets",
        "VALUES ('a' || pg_read_file('b'))",
    ],
)
def test_what_would_have_to_be_run_is_refused(values: str) -> None:
    with pytest.raises(LegacyUnreadable):
        only_rows(f"INSERT INTO t {values};")
