"""JSON to columns: the stages of DuckDB text that decode a batch.

Every record goes the fast way: `from_json` with the columns' types. Its fields are spelled as the
columns are where its first name is in capitals, else as the user wrote the columns, or in lower
case. What it gives is kept where the proof
of `json_proof.py` holds; the other records are read one by one (`json_record.py`).

A nested value is taken out as JSON text and proved by itself: a STRUCT as a document of its own, an
ARRAY or MAP by its grammar. The document around it is proved without it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from streamsql.formats.carried import carrier_type, lift
from streamsql.formats.json_proof import (
    STAND_IN,
    Document,
    grammar,
    object_proof,
    text_proof,
)
from streamsql.schema.duck import duckdb_type, literal, quote
from streamsql.schema.types import BYTES, DOUBLE, Array, Field, Map, SqlType, Struct

Spelling = Callable[[Field], str]
"""How records write a name: as the column has it, or as its declaration was written."""

FIRST_LEVEL = 1
"""The stage of a record's own text is 0; documents of later stages than this DuckDB has written."""


@dataclass(slots=True)
class FastRead:
    """What the fast way adds: `stages` of named texts, and `holds`, the conditions of its proof."""

    prefix: str
    stages: list[list[tuple[str, str]]] = field(default_factory=list[list[tuple[str, str]]])
    holds: list[str] = field(default_factory=list[str])
    documents: int = 0

    def add(self, level: int, name: str, text: str) -> str:
        """Adds a computed column to a stage and gives its name."""
        while len(self.stages) <= level:
            self.stages.append([])
        full = f"{self.prefix}{name}"
        self.stages[level].append((full, text))
        return full


def read_object(
    fast: FastRead, document: str, fields: Sequence[Field], wanted: frozenset[str], level: int
) -> list[str]:
    """Texts of the values of a document's fields; `document` is a column of the stage before
    `level`, NULL where there is none.

    A field that is not in `wanted` is proved only: its text is NULL.
    """
    names = [f.name for f in fields]
    number = fast.documents
    fast.documents += 1
    read = {f.name for f in fields if f.name in wanted or _is_part(f.type) or f.type == BYTES}
    read = read or {names[0]}
    same = all(f.name == _spelled(f) for f in fields)
    ways = {f"r{number}": _exact} if same else {f"r{number}": _exact, f"l{number}": _spelled}
    records = {
        fast.add(level, name, _record_text(document, fields, read, spell, is_only=same)): spell
        for name, spell in ways.items()
    }
    # One of the records at most is not NULL.
    values = [
        f"coalesce({', '.join(f'{r}.{quote(spell(f))}' for r, spell in records.items())})"
        for f in fields
    ]
    texts: list[str] = []
    rest = document
    for i, (f, value) in enumerate(zip(fields, values, strict=True)):
        if _is_part(f.type):
            part = fast.add(level + 1, f"p{number}_{i}", f"{value}::VARCHAR")
            rest = f"replace({rest}, coalesce({part}, '{STAND_IN}'), '{STAND_IN}')"
            texts.append(_read_part(fast, part, f.type, level + 2))
        else:
            texts.append(_scalar_text(value, f.type) if f.name in wanted else "NULL")
            if f.type == BYTES:
                fast.holds.append(f"{value} IS NULL OR try(from_base64({value})) IS NOT NULL")
    if rest != document:
        rest = fast.add(level + 2, f"d{number}", rest)
    asked = [f for f in fields if f.name in read]
    proof = object_proof(
        Document(
            rest=rest,
            whole=document,
            rewritten=level > FIRST_LEVEL,
            fields=fields,
            asked=frozenset(read),
            capitals="" if same else _in_capitals(document),
            exact={f.name: f.name for f in asked},
            loose={f.name: _spelled(f) for f in asked},
        )
    )
    found = " OR ".join(f"{record} IS NOT NULL" for record in records)
    fast.holds.append(f"{document} IS NULL OR (({found}) AND {proof})")
    return texts


def read_value(fast: FastRead, document: str, type_: SqlType) -> str:
    """Text of the value of a record that is one bare value."""
    level = FIRST_LEVEL
    part = fast.add(level, "v", f"try(from_json({document}, '\"JSON\"'))::VARCHAR")
    fast.holds.append(f"{document} = 'null' OR {part} IS NOT NULL")
    fast.holds.append(text_proof(document))
    return _read_part(fast, part, type_, level + 1)


def _read_part(fast: FastRead, part: str, type_: SqlType, level: int) -> str:
    """Text of the value of JSON that DuckDB has written itself; `part` is NULL for a null."""
    if isinstance(type_, Struct):
        names = frozenset(f.name for f in type_.fields)
        texts = read_object(fast, part, type_.fields, names, level)
        pairs = zip(type_.fields, texts, strict=True)
        packed = ", ".join(f"{quote(f.name)} := {text}" for f, text in pairs)
        return f"CASE WHEN {part} IS NOT NULL THEN struct_pack({packed}) END"
    if _has_inner_map(type_):
        # Of a map with a name twice `from_json` makes NULL, which only shows at the top.
        fast.holds.append(f"{part} IS NULL")
        return "NULL"
    name = part.removeprefix(fast.prefix)
    exact = fast.add(level, f"v{name}", _typed_part(part, type_, _exact))
    if not _spells(type_):
        fast.holds.append(f"{part} IS NULL OR {exact} IS NOT NULL")
        return lift(exact, type_)
    lower = fast.add(level, f"w{name}", _typed_part(part, type_, _spelled))
    fast.holds.append(f"{part} IS NULL OR {exact} IS NOT NULL OR {lower} IS NOT NULL")
    duckdb = duckdb_type(type_)
    return (
        f"CASE WHEN {exact} IS NOT NULL THEN ({lift(exact, type_)})::{duckdb}"
        f" ELSE ({lift(lower, type_)})::{duckdb} END"
    )


def _typed_part(part: str, type_: SqlType, spell: Spelling) -> str:
    """Text of the part where its grammar is the type's, its names spelled so."""
    match = f"regexp_full_match({part}, {literal(grammar(type_, spell))})"
    return f"CASE WHEN {match} THEN from_json({part}, {literal(_structure(type_, spell))}) END"


def _record_text(
    document: str, fields: Sequence[Field], read: set[str], spell: Spelling, *, is_only: bool
) -> str:
    """Text of the document's record, a STRUCT with its names spelled so; NULL where it is none.

    Names in capitals and others are two columns, not two branches of one CASE: in DuckDB 2.0 the
    fields are NULL where all rows of a batch take the first of two branches with other names.
    """
    structure = json.dumps(
        {
            spell(f): "JSON" if _is_part(f.type) else carrier_type(f.type)
            for f in fields
            if f.name in read
        },
        ensure_ascii=False,
    )
    # One record that DuckDB cannot parse makes TRY go over the batch record by record: those that
    # are cut off are kept from it.
    whole = f"({document} LIKE '{{%}}' OR {document} LIKE {literal(chr(123) + '%}' + chr(10))})"
    if not is_only:
        capital = _in_capitals(document)
        whole += f" AND {capital if spell is _exact else f'NOT {capital}'}"
    return f"CASE WHEN {whole} THEN try(from_json({document}, {literal(structure)})) END"


def _scalar_text(value: str, type_: SqlType) -> str:
    # A JSON number has no negative zero for ksqlDB.
    return f"({value} + 0.0)" if type_ == DOUBLE else lift(value, type_)


def _is_part(type_: SqlType) -> bool:
    """Whether a value is taken out of its document and proved by itself."""
    return isinstance(type_, Array | Map | Struct)


def _exact(column: Field) -> str:
    return column.name


def _spelled(column: Field) -> str:
    """A name that can be written in any case as the user wrote it, but not in capitals."""
    name, written = column.name, column.written
    if name != name.upper():
        return name
    return written if written.upper() == name != written else name.lower()


def _in_capitals(document: str) -> str:
    """Text of BOOLEAN: whether the first name of a document begins with two capitals, or with one
    and no letter; for speed only."""
    one = f"{document} >= '{{\"A' AND {document} < '{{\"['"
    return f"CASE WHEN {one} THEN substr({document}, 4, 1) NOT BETWEEN 'a' AND 'z' ELSE false END"


def _has_inner_map(type_: SqlType, *, inside: bool = False) -> bool:
    """Whether a MAP stands in an ARRAY, MAP or STRUCT of the type."""
    match type_:
        case Array(element):
            return _has_inner_map(element, inside=True)
        case Map(_, value):
            return inside or _has_inner_map(value, inside=True)
        case Struct(fields):
            return any(_has_inner_map(f.type, inside=True) for f in fields)
        case _:
            return False


def _spells(type_: SqlType) -> bool:
    """Whether names in a nested type can be written in lower case too."""
    match type_:
        case Array(element):
            return _spells(element)
        case Map(_, value):
            return _spells(value)
        case Struct(fields):
            return any(_spelled(f) != f.name or _spells(f.type) for f in fields)
        case _:
            return False


def _structure(type_: SqlType, spell: Spelling) -> str:
    """The structure for `from_json` with the type's names as a record spells them."""
    return json.dumps(carrier_type(_respelled(type_, spell)), ensure_ascii=False)


def _respelled(type_: SqlType, spell: Spelling) -> SqlType:
    match type_:
        case Array(element):
            return Array(_respelled(element, spell))
        case Map(key, value):
            return Map(key, _respelled(value, spell))
        case Struct(fields):
            return Struct(tuple(Field(spell(f), _respelled(f.type, spell)) for f in fields))
        case _:
            return type_
