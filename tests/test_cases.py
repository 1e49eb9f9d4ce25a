"""Every `.sql` case in every mode of law 4: one, seven and all records a step, straight and
reopened at each step.

`make check` takes the first case of a file, with all records in a step; `make test` takes every
case, with one in a step too; `-m modes` adds the reopenings and the threads.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsql.testing.sql_cases import MODES, Mode, SqlCase, read_cases, run_sql_case

CASES = Path(__file__).parent / "cases"
STRAIGHT = ("all", "one")


def _parameters() -> list[object]:
    parameters: list[object] = []
    for path in sorted(CASES.rglob("*.sql")):
        for i, case in enumerate(read_cases(path)):
            for mode in MODES:
                marks = [] if mode.name in STRAIGHT else [pytest.mark.modes]
                if i or mode.name != STRAIGHT[0]:
                    marks.append(pytest.mark.slow)
                name = f"{path.relative_to(CASES).with_suffix('')}: {case.title} [{mode.name}]"
                parameters.append(pytest.param(case, mode, id=name, marks=marks))
    return parameters


@pytest.mark.parametrize(("case", "mode"), _parameters())
def test_case_holds(case: SqlCase, mode: Mode, tmp_path: Path) -> None:
    run_sql_case(case, mode, tmp_path)
