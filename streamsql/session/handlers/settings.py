"""SET, UNSET, DEFINE, UNDEFINE: the session's own properties and variables."""

from __future__ import annotations

from streamsql.errors import StatementError
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import Define, SetProperty, Undefine, UnsetProperty


async def set_property(statement: SetProperty, session: SessionState) -> Result:
    """SET 'name'='value'."""
    before = dict(session.properties.items()).get(statement.name)
    session.properties = session.properties.with_value(statement.name, statement.value)
    was = f" from '{before}'" if before is not None else ""
    message = f"Successfully changed local property '{statement.name}'{was} to '{statement.value}'."
    return Result(statement=statement.text, message=message)


async def unset_property(statement: UnsetProperty, session: SessionState) -> Result:
    """UNSET 'name'."""
    session.properties = session.properties.without(statement.name)
    message = f"Successfully unset local property '{statement.name}'."
    return Result(statement=statement.text, message=message)


async def define(statement: Define, session: SessionState) -> Result:
    """DEFINE name = 'value'."""
    session.variables[statement.name.lower()] = statement.value
    return Result(statement=statement.text, message=f"{statement.name} is defined")


async def undefine(statement: Undefine, session: SessionState) -> Result:
    """UNDEFINE name."""
    if session.variables.pop(statement.name.lower(), None) is None:
        raise StatementError(
            f"Cannot undefine variable {statement.name}: it is not defined", hint="SHOW VARIABLES"
        )
    return Result(statement=statement.text, message=f"{statement.name} is undefined")
