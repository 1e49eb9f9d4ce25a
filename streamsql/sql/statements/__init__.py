"""The statements, one family a file; `FORMS` is where a new one is added.

EXPLAIN holds any other statement: dispatch.py adds it.
"""

from streamsql.sql.form import Form
from streamsql.sql.statements import (
    alter,
    asserting,
    backup,
    connector,
    control,
    custom_type,
    describe,
    drop,
    insert,
    print_topic,
    query,
    run_script,
    setting,
    show,
    source,
    variable,
    wait,
)

__all__ = ["FORMS"]

FORMS: tuple[Form, ...] = (
    *query.FORMS,
    *source.FORMS,
    *custom_type.FORMS,
    *connector.FORMS,
    *insert.FORMS,
    *alter.FORMS,
    *drop.FORMS,
    *show.FORMS,
    *describe.FORMS,
    *print_topic.FORMS,
    *control.FORMS,
    *setting.FORMS,
    *variable.FORMS,
    *run_script.FORMS,
    *backup.FORMS,
    *asserting.FORMS,
    *wait.FORMS,
)
