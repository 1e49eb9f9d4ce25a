"""One file a kind of statement; HANDLERS maps a statement's class to what executes it.

A handler is `async def handle(statement, session) -> Result`. RECORDED are the definitions that a
restart executes again.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from streamsql.session.handlers import (
    assert_schema,
    assert_topic,
    backup,
    control,
    create_query,
    create_source,
    describe,
    drop,
    explain,
    print_topic,
    run_script,
    select,
    settings,
    show,
    values,
    wait,
)
from streamsql.session.result import Result
from streamsql.session.state import SessionState
from streamsql.sql import statement as st

Handler = Callable[[Any, SessionState], Awaitable[Result]]

HANDLERS: dict[type[st.Statement], Handler] = {
    st.CreateSource: create_source.handle,
    st.AlterSource: create_source.alter,
    st.CreateAsSelect: create_query.create,
    st.InsertInto: create_query.insert,
    st.InsertValues: values.handle,
    st.DropSource: drop.drop_source,
    st.CreateType: create_source.create_type,
    st.DropType: drop.drop_type,
    st.Query: select.handle,
    st.Show: show.handle,
    st.Describe: describe.handle,
    st.Explain: explain.handle,
    st.PrintTopic: print_topic.handle,
    st.AssertTopic: assert_topic.handle,
    st.AssertSchema: assert_schema.handle,
    st.RunScript: run_script.handle,
    st.ControlQuery: control.handle,
    st.WaitForQueries: wait.handle,
    st.SetProperty: settings.set_property,
    st.UnsetProperty: settings.unset_property,
    st.AlterSystem: settings.alter_system,
    st.BackupDatabase: backup.handle,
    st.Define: settings.define,
    st.Undefine: settings.undefine,
}

RECORDED = (
    st.CreateSource,
    st.AlterSource,
    st.CreateAsSelect,
    st.InsertInto,
    st.DropSource,
    st.CreateType,
    st.DropType,
    st.ControlQuery,
    st.AlterSystem,
)
