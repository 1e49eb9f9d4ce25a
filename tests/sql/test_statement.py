"""Statements: each form becomes its value, and the value is written back to text that gives it."""

from __future__ import annotations

import pytest

from streamsql.errors import ParseError, Position
from streamsql.schema import types as t
from streamsql.sql import expr as e
from streamsql.sql import format as format_sql
from streamsql.sql import parse, parse_columns, parse_one, parse_type
from streamsql.sql import statement as st

HOUR = 3_600_000


def col(name: str, source: str | None = None) -> e.ColumnRef:
    return e.ColumnRef(name=name, source=source)


def num(value: int) -> e.IntegerLiteral:
    return e.IntegerLiteral(value=value)


def source(name: str, alias: str | None = None) -> st.SourceRef:
    return st.SourceRef(name=name, alias=alias)


STAR = st.SelectStar()


def select(*items: st.SelectItem, source: st.Relation, **clauses: object) -> st.Query:
    return st.Query(items=items, source=source, **clauses)  # type: ignore[arg-type]


ALL = select(STAR, source=source("S"))
COLUMN = st.ColumnDef(name="A", type=t.INTEGER)

SOURCES = {
    "CREATE STREAM s WITH (kafka_topic='t', VALUE_FORMAT='JSON')": st.CreateSource(
        kind="STREAM",
        name="S",
        columns=(),
        properties=(("KAFKA_TOPIC", "t"), ("VALUE_FORMAT", "JSON")),
    ),
    "create table if not exists `s` (k STRING PRIMARY KEY, v ARRAY<INT>)": st.CreateSource(
        kind="TABLE",
        name="s",
        columns=(
            st.ColumnDef(name="K", type=t.STRING, constraint="PRIMARY KEY"),
            st.ColumnDef(name="V", type=t.Array(t.INTEGER)),
        ),
        if_not_exists=True,
    ),
    "CREATE OR REPLACE SOURCE STREAM s (a INT KEY, h BYTES HEADER('x'), g HEADERS HEADERS)": (
        st.CreateSource(
            kind="STREAM",
            name="S",
            columns=(
                st.ColumnDef(name="A", type=t.INTEGER, constraint="KEY"),
                st.ColumnDef(name="H", type=t.BYTES, constraint="HEADER", header_key="x"),
                st.ColumnDef(name="G", type=e.CustomType("HEADERS"), constraint="HEADERS"),
            ),
            or_replace=True,
            read_only=True,
        )
    ),
    "CREATE STREAM s (a INT) WITH ('p'=1, q=-2, r=0.5, s=1e3, t=true, u=NULL, `v`='x')": (
        st.CreateSource(
            kind="STREAM",
            name="S",
            columns=(COLUMN,),
            properties=(
                ("P", 1),
                ("Q", -2),
                ("R", 0.5),
                ("S", 1000.0),
                ("T", True),
                ("U", None),
                ("V", "x"),
            ),
        )
    ),
    "CREATE TABLE t AS SELECT * FROM s": st.CreateAsSelect(kind="TABLE", name="T", query=ALL),
    "CREATE OR REPLACE STREAM IF NOT EXISTS t WITH (partitions=1) AS SELECT * FROM s": (
        st.CreateAsSelect(
            kind="STREAM",
            name="T",
            query=ALL,
            properties=(("PARTITIONS", 1),),
            or_replace=True,
            if_not_exists=True,
        )
    ),
    "INSERT INTO t SELECT * FROM s": st.InsertInto(target="T", query=ALL),
    "INSERT INTO t WITH (query_id='q') SELECT * FROM s": st.InsertInto(
        target="T", query=ALL, properties=(("QUERY_ID", "q"),)
    ),
    "INSERT INTO t VALUES (1, 'a', b + 1)": st.InsertValues(
        target="T",
        columns=(),
        values=(
            num(1),
            e.StringLiteral(value="a"),
            e.Binary(op="+", left=col("B"), right=num(1)),
        ),
    ),
    "INSERT INTO t (a, `b`) VALUES (1, (2 = 3))": st.InsertValues(
        target="T",
        columns=("A", "b"),
        values=(num(1), e.Binary(op="=", left=num(2), right=num(3))),
    ),
    "INSERT INTO t VALUES ()": st.InsertValues(target="T", columns=(), values=()),
    "ALTER STREAM s ADD COLUMN a INT, ADD b STRING": st.AlterSource(
        kind="STREAM", name="S", columns=(COLUMN, st.ColumnDef(name="B", type=t.STRING))
    ),
    "ALTER TABLE s ADD column INT": st.AlterSource(
        kind="TABLE", name="S", columns=(st.ColumnDef(name="COLUMN", type=t.INTEGER),)
    ),
    "ALTER TABLE s ADD column ARRAY<INT>": st.AlterSource(
        kind="TABLE", name="S", columns=(st.ColumnDef(name="COLUMN", type=t.Array(t.INTEGER)),)
    ),
    "DROP STREAM s": st.DropSource(kind="STREAM", name="S"),
    "DROP TABLE IF EXISTS s DELETE TOPIC": st.DropSource(
        kind="TABLE", name="S", if_exists=True, delete_topic=True
    ),
    "DROP STREAM if": st.DropSource(kind="STREAM", name="IF"),
    "CREATE TYPE p AS STRUCT<a INT>": st.CreateType(
        name="P", type=t.Struct((t.Field("A", t.INTEGER),))
    ),
    "CREATE TYPE IF NOT EXISTS p AS q": st.CreateType(
        name="P", type=e.CustomType("Q"), if_not_exists=True
    ),
    "DROP TYPE p": st.DropType(name="P"),
    "DROP TYPE IF EXISTS p": st.DropType(name="P", if_exists=True),
    "CREATE SOURCE CONNECTOR c WITH ('connector.class'='x', \"tasks.max\"=1, name='n')": (
        st.CreateConnector(
            kind="SOURCE",
            name="C",
            properties=(("connector.class", "x"), ("tasks.max", 1), ("NAME", "n")),
        )
    ),
    "CREATE SINK CONNECTOR IF NOT EXISTS c WITH (a='x')": st.CreateConnector(
        kind="SINK", name="C", properties=(("A", "x"),), if_not_exists=True
    ),
    "DROP CONNECTOR IF EXISTS c": st.DropConnector(name="C", if_exists=True),
}

OTHERS = {
    "SHOW TOPICS": st.Show(what="TOPICS"),
    "LIST ALL TOPICS EXTENDED": st.Show(what="TOPICS", extended=True, every=True),
    "SHOW STREAMS EXTENDED": st.Show(what="STREAMS", extended=True),
    "SHOW TABLES": st.Show(what="TABLES"),
    "LIST QUERIES EXTENDED": st.Show(what="QUERIES", extended=True),
    "SHOW FUNCTIONS": st.Show(what="FUNCTIONS"),
    "SHOW PROPERTIES": st.Show(what="PROPERTIES"),
    "SHOW TYPES": st.Show(what="TYPES"),
    "SHOW VARIABLES": st.Show(what="VARIABLES"),
    "SHOW CONNECTORS": st.Show(what="CONNECTORS"),
    "SHOW SOURCE CONNECTORS": st.Show(what="SOURCE CONNECTORS"),
    "SHOW SINK CONNECTORS": st.Show(what="SINK CONNECTORS"),
    "SHOW CONNECTOR PLUGINS": st.Show(what="CONNECTOR PLUGINS"),
    "DESCRIBE s": st.Describe(kind="SOURCE", name="S"),
    "DESCRIBE `s` EXTENDED": st.Describe(kind="SOURCE", name="s", extended=True),
    "DESCRIBE STREAMS": st.Describe(kind="STREAMS"),
    "DESCRIBE TABLES EXTENDED": st.Describe(kind="TABLES", extended=True),
    "DESCRIBE FUNCTION len": st.Describe(kind="FUNCTION", name="LEN"),
    "DESCRIBE function": st.Describe(kind="SOURCE", name="FUNCTION"),
    "DESCRIBE `TABLES`": st.Describe(kind="SOURCE", name="TABLES"),
    "DESCRIBE CONNECTOR c": st.Describe(kind="CONNECTOR", name="C"),
    "EXPLAIN q_1": st.Explain(query_id="Q_1"),
    "EXPLAIN set": st.Explain(query_id="SET"),
    "EXPLAIN SELECT * FROM s": st.Explain(statement=ALL),
    "EXPLAIN (PHYSICAL) CREATE STREAM t AS SELECT * FROM s": st.Explain(
        statement=st.CreateAsSelect(kind="STREAM", name="T", query=ALL), stage="PHYSICAL"
    ),
    "EXPLAIN (STATE) q": st.Explain(query_id="Q", stage="STATE"),
    "PRINT Orders": st.PrintTopic(topic="Orders"),
    "PRINT 'my topic' FROM BEGINNING INTERVAL 2 LIMIT 3": st.PrintTopic(
        topic="my topic", from_beginning=True, interval=2, limit=3
    ),
    "PRINT `t` SAMPLE 5": st.PrintTopic(topic="t", interval=5),
    "TERMINATE ctas_1": st.ControlQuery(action="TERMINATE", query_id="CTAS_1"),
    "TERMINATE ALL": st.ControlQuery(action="TERMINATE", query_id=None),
    "PAUSE `q-1`": st.ControlQuery(action="PAUSE", query_id="q-1"),
    "RESUME ALL": st.ControlQuery(action="RESUME", query_id=None),
    "SET 'a.b'='c'": st.SetProperty(name="a.b", value="c"),
    "UNSET 'a.b'": st.UnsetProperty(name="a.b"),
    "ALTER SYSTEM 'a'='b'": st.AlterSystem(name="a", value="b"),
    "DEFINE Name='''x'''": st.Define(name="Name", value="'x'"),
    "UNDEFINE Name": st.Undefine(name="Name"),
    "RUN SCRIPT 'a.sql'": st.RunScript(path="a.sql"),
    "BACKUP DATABASE TO 'a.duckdb'": st.BackupDatabase(path="a.duckdb"),
    "WAIT FOR QUERIES": st.WaitForQueries(),
    "ASSERT TOPIC T WITH (partitions=2) TIMEOUT 3 SECONDS": st.AssertTopic(
        topic="T", properties=(("PARTITIONS", 2),), timeout_ms=3000
    ),
    "ASSERT NOT EXISTS TOPIC 't-1'": st.AssertTopic(topic="t-1", exists=False),
    "ASSERT SCHEMA SUBJECT 's-value' ID 3 TIMEOUT 1 MINUTE": st.AssertSchema(
        subject="s-value", schema_id=3, timeout_ms=60_000
    ),
    "ASSERT NOT EXISTS SCHEMA ID 3": st.AssertSchema(schema_id=3, exists=False),
    "ASSERT VALUES s (a, b) VALUES (1, 2)": st.AssertValues(
        source="S", columns=("A", "B"), values=(num(1), num(2))
    ),
    "ASSERT VALUES s VALUES (1)": st.AssertValues(source="S", columns=(), values=(num(1),)),
    "ASSERT NULL VALUES s (k) KEY (1)": st.AssertNullValues(
        source="S", columns=("K",), values=(num(1),)
    ),
    "ASSERT STREAM s (a INT) WITH (format='JSON')": st.AssertSource(
        kind="STREAM", name="S", columns=(COLUMN,), properties=(("FORMAT", "JSON"),)
    ),
    "ASSERT TABLE s": st.AssertSource(kind="TABLE", name="S", columns=()),
}


def item(expr: e.Expr, alias: str | None = None) -> st.SelectColumn:
    return st.SelectColumn(expr=expr, alias=alias)


ON = e.Binary(op="=", left=col("ID", "A"), right=col("ID", "B"))


def join(kind: str, within: st.Within | None = None) -> st.Query:
    relation = st.JoinRef(kind=kind, left=source("A"), right=source("B"), on=ON, within=within)
    return select(STAR, source=relation)


def window(kind: str, size_ms: int, **more: int) -> st.Query:
    clause = st.WindowClause(kind=kind, size_ms=size_ms, **more)
    return select(STAR, source=source("S"), window=clause)


QUERIES = {
    "SELECT a, b AS c, s.d e, s.*, a->*, * FROM s x": select(
        item(col("A")),
        item(col("B"), "C"),
        item(col("D", "S"), "E"),
        st.SelectStar(source="S"),
        st.SelectStructStar(base=col("A")),
        STAR,
        source=source("S", "X"),
    ),
    "SELECT a[1]->b->*, `s`.* FROM s AS `x`": select(
        st.SelectStructStar(
            base=e.FieldRef(base=e.Subscript(base=col("A"), index=num(1)), name="B")
        ),
        st.SelectStar(source="s"),
        source=source("S", "x"),
    ),
    "SELECT * FROM s WHERE a AND b GROUP BY a, b HAVING c EMIT CHANGES LIMIT 3": select(
        STAR,
        source=source("S"),
        where=e.Binary(op="AND", left=col("A"), right=col("B")),
        group_by=(col("A"), col("B")),
        having=col("C"),
        emit="CHANGES",
        limit=3,
    ),
    "SELECT * FROM s GROUP BY (a, b)": select(
        STAR, source=source("S"), group_by=(col("A"), col("B"))
    ),
    "SELECT * FROM s GROUP BY (a)": select(STAR, source=source("S"), group_by=(col("A"),)),
    "SELECT * FROM s GROUP BY (a + b) * c, d": select(
        STAR,
        source=source("S"),
        group_by=(
            e.Binary(
                op="*",
                left=e.Binary(op="+", left=col("A"), right=col("B")),
                right=col("C"),
            ),
            col("D"),
        ),
    ),
    "SELECT * FROM s PARTITION BY (f(a, b), c)": select(
        STAR,
        source=source("S"),
        partition_by=(e.Call(name="F", args=(col("A"), col("B"))), col("C")),
    ),
    "SELECT * FROM s PARTITION BY NULL EMIT FINAL": select(
        STAR, source=source("S"), partition_by=(e.NullLiteral(),), emit="FINAL"
    ),
    "SELECT * FROM s emit EMIT CHANGES": select(STAR, source=source("S", "EMIT"), emit="CHANGES"),
    "SELECT emit emit FROM s partition PARTITION BY a": select(
        item(col("EMIT"), "EMIT"), source=source("S", "PARTITION"), partition_by=(col("A"),)
    ),
    "SELECT * FROM s WINDOW TUMBLING (SIZE 1 HOUR)": window("TUMBLING", HOUR),
    "SELECT * FROM s WINDOW w TUMBLING (SIZE 90 SECONDS)": window("TUMBLING", 90_000),
    "SELECT * FROM s WINDOW TUMBLING (SIZE 1 HOUR, RETENTION 400 DAYS, GRACE PERIOD 1 DAY)": (
        window("TUMBLING", HOUR, retention_ms=400 * 24 * HOUR, grace_ms=24 * HOUR)
    ),
    "SELECT * FROM s WINDOW HOPPING (SIZE 2 HOURS, ADVANCE BY 30 MINUTES, GRACE PERIOD 0 DAYS)": (
        window("HOPPING", 2 * HOUR, advance_ms=HOUR // 2, grace_ms=0)
    ),
    "SELECT * FROM s WINDOW SESSION (30 SECONDS, RETENTION 5 MILLISECONDS)": window(
        "SESSION", 30_000, retention_ms=5
    ),
    "SELECT * FROM a JOIN b ON a.id = b.id": join("INNER"),
    "SELECT * FROM a INNER JOIN b ON a.id = b.id": join("INNER"),
    "SELECT * FROM a LEFT JOIN b ON a.id = b.id": join("LEFT"),
    "SELECT * FROM a RIGHT OUTER JOIN b ON a.id = b.id": join("RIGHT"),
    "SELECT * FROM a FULL OUTER JOIN b ON a.id = b.id": join("FULL"),
    "SELECT * FROM a JOIN b WITHIN 1 HOUR ON a.id = b.id": join(
        "INNER", st.Within(before_ms=HOUR, after_ms=HOUR)
    ),
    "SELECT * FROM a JOIN b WITHIN (1 HOUR, 2 HOURS) GRACE PERIOD 1 SECOND ON a.id = b.id": join(
        "INNER", st.Within(before_ms=HOUR, after_ms=2 * HOUR, grace_ms=1000)
    ),
    "SELECT * FROM a x JOIN b AS y ON a.id = b.id LEFT JOIN c ON a.id = b.id": select(
        STAR,
        source=st.JoinRef(
            kind="LEFT",
            left=st.JoinRef(kind="INNER", left=source("A", "X"), right=source("B", "Y"), on=ON),
            right=source("C"),
            on=ON,
        ),
    ),
}

BEYOND = {
    "SELECT * FROM (SELECT * FROM s) t": select(STAR, source=st.SubqueryRef(query=ALL, alias="T")),
    "WITH a AS (SELECT * FROM s), b AS (SELECT * FROM s) SELECT * FROM s": select(
        STAR, source=source("S"), ctes=(("A", ALL), ("B", ALL))
    ),
    "INSERT INTO t WITH a AS (SELECT * FROM s) SELECT * FROM s": st.InsertInto(
        target="T", query=select(STAR, source=source("S"), ctes=(("A", ALL),))
    ),
    "SELECT * FROM c JOIN (a JOIN b ON a.id = b.id) ON a.id = b.id": select(
        STAR,
        source=st.JoinRef(
            kind="INNER",
            left=source("C"),
            right=st.JoinRef(kind="INNER", left=source("A"), right=source("B"), on=ON),
            on=ON,
        ),
    ),
    "SELECT * FROM a JOIN (SELECT * FROM s) b ON a.id = b.id": select(
        STAR,
        source=st.JoinRef(
            kind="INNER", left=source("A"), right=st.SubqueryRef(query=ALL, alias="B"), on=ON
        ),
    ),
}

READ = {**SOURCES, **OTHERS, **QUERIES, **BEYOND}


@pytest.mark.parametrize(("text", "expected"), READ.items(), ids=READ)
def test_a_statement_is_read(text: str, expected: st.Statement) -> None:
    assert parse_one(text) == expected


@pytest.mark.parametrize("text", READ)
def test_a_statement_written_back_gives_the_same_value(text: str) -> None:
    parsed = parse_one(text)
    written = format_sql(parsed)
    assert parse_one(written) == parsed
    assert format_sql(parse_one(written)) == written


def test_every_class_of_statement_is_read_here() -> None:
    classes = {c for c in vars(st).values() if isinstance(c, type) and issubclass(c, st.Statement)}
    assert {type(value) for value in READ.values()} == classes - {st.Statement}


NOT_KSQLDB = (
    *("RUN SCRIPT", "BACKUP DATABASE", "WAIT FOR"),
    *("ASSERT VALUES", "ASSERT NULL", "ASSERT STREAM", "ASSERT TABLE"),
)


@pytest.mark.parametrize("text", READ)
def test_strict_mode_knows_what_ksqldb_knows(text: str) -> None:
    beyond = text in BEYOND or text.startswith((*NOT_KSQLDB, "EXPLAIN ("))
    if beyond:
        with pytest.raises(ParseError):
            parse(text, strict=True)
    else:
        assert parse(text, strict=True) == (READ[text],)


def test_a_written_statement_has_the_parentheses_it_needs() -> None:
    text = "SELECT A AS X FROM S WHERE A > 1 AND NOT (B = 2 OR C) GROUP BY A, (B = C) LIMIT 3"
    assert format_sql(parse_one(text)) == text


TYPES = {
    "int": t.INTEGER,
    "INTEGER": t.INTEGER,
    "varchar": t.STRING,
    "VARCHAR(100)": t.STRING,
    "VARCHAR(STRING)": t.STRING,
    "BYTES": t.BYTES,
    "decimal(10, 2)": t.Decimal(10, 2),
    "ARRAY<ARRAY<INT>>": t.Array(t.Array(t.INTEGER)),
    "INT ARRAY ARRAY": t.Array(t.Array(t.INTEGER)),
    "MAP<STRING, ARRAY<MAP<STRING, DOUBLE>>>": t.Map(t.STRING, t.Array(t.Map(t.STRING, t.DOUBLE))),
    "STRUCT<a INT, `b c` STRUCT<d TIMESTAMP>>": t.Struct(
        (t.Field("A", t.INTEGER), t.Field("b c", t.Struct((t.Field("D", t.TIMESTAMP),))))
    ),
    "STRUCT<>": t.Struct(()),
    "STRUCT< >": t.Struct(()),
    "mine": e.CustomType("MINE"),
    "`mine`": e.CustomType("mine"),
    "array": e.CustomType("ARRAY"),
    "key": e.CustomType("KEY"),
}


@pytest.mark.parametrize(("text", "expected"), TYPES.items(), ids=TYPES)
def test_a_type_is_read_and_written(text: str, expected: t.SqlType) -> None:
    assert parse_type(text) == expected
    assert parse_type(str(expected)) == expected
    assert expected.base in str(expected)


def test_columns_are_read_without_a_statement() -> None:
    columns = parse_columns("`K` STRING KEY, `N` BIGINT")
    assert [(c.name, c.type, c.constraint) for c in columns] == [
        ("K", t.STRING, "KEY"),
        ("N", t.BIGINT, None),
    ]
    assert parse_columns(" -- nothing\n") == ()


@pytest.mark.parametrize("text", ["INT x", "INT, INT", "INT;"])
def test_a_type_is_all_of_its_text(text: str) -> None:
    with pytest.raises(ParseError):
        parse_type(text)


def test_places_inside_a_statement() -> None:
    text = "CREATE STREAM x (a INT,\n  b mine) WITH (k='v');\n\nSELECT *,\n a FROM s WHERE c;"
    create, query = parse(text)
    assert isinstance(create, st.CreateSource)
    assert isinstance(query, st.Query)
    assert create.position == Position(1, 1, 0)
    assert [c.position for c in create.columns] == [Position(1, 18, 17), Position(2, 3, 26)]
    custom = create.columns[1].type
    assert isinstance(custom, e.CustomType)
    assert custom.position == Position(2, 5, 28)
    assert query.position == Position(4, 1, 49)
    assert [i.position for i in query.items] == [Position(4, 8, 56), Position(5, 2, 60)]
    assert query.source.position == Position(5, 9, 67)
    assert query.where is not None
    assert query.where.position == Position(5, 17, 75)


def test_a_statement_keeps_its_text() -> None:
    text = "  SET 'a' = 'b' /* kept */ ; -- not\n CREATE STREAM t AS\n select * FROM s -- out\n;"
    statements = parse(text)
    assert [s.text for s in statements] == ["SET 'a' = 'b'", "CREATE STREAM t AS\n select * FROM s"]
    assert isinstance(statements[1], st.CreateAsSelect)
    assert statements[1].query.text == "select * FROM s"
