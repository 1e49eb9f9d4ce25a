"""SET, UNSET, DEFINE, UNDEFINE: the session's own properties and variables."""

from __future__ import annotations

from streamsql.config import SETTINGS, normal_name
from streamsql.errors import StatementError
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql.statement import AlterSystem, Define, SetProperty, Undefine, UnsetProperty


async def set_property(statement: SetProperty, session: SessionState) -> Result:
    """SET 'name'='value'."""
    before = dict(session.own.items()).get(normal_name(statement.name))
    session.own = session.own.with_value(statement.name, statement.value)
    was = f" from '{before}'" if before is not None else ""
    message = f"Successfully changed local property '{statement.name}'{was} to '{statement.value}'."
    return Result(statement=statement.text, message=message)


async def unset_property(statement: UnsetProperty, session: SessionState) -> Result:
    """UNSET 'name'."""
    session.own = session.own.without(statement.name)
    message = f"Successfully unset local property '{statement.name}'."
    return Result(statement=statement.text, message=message)


async def alter_system(statement: AlterSystem, session: SessionState) -> Result:
    """ALTER SYSTEM 'name'='value': for every session, now and after a restart; a session's own SET
    goes before."""
    engine = session.engine
    setting = SETTINGS.get(normal_name(statement.name))
    if setting is not None and setting.scope != "session":
        raise StatementError(
            f"Unknown property: {statement.name}",
            detail="it is given when the engine starts",
            hint="see --set of the command line, or connect() in Python",
            position=statement.position,
        )
    engine.system = engine.system.with_value(statement.name, statement.value)
    return Result(
        statement=statement.text,
        message=f"System property '{statement.name}' was set to '{statement.value}'.",
    )


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
