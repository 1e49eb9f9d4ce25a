"""Every `.sql` case in every mode of law 4: one, seven and all records a step, straight and
reopened at each step.

The fast run takes the straight modes; `-m modes` adds the reopenings and the threads.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from streamsql.testing.sql_cases import MODES, Mode, SqlCase, read_cases, run_sql_case

CASES = Path(__file__).parent / "cases"
FAST = ("all", "one")


def _parameters() -> list[object]:
    parameters: list[object] = []
    for path in sorted(CASES.rglob("*.sql")):
        for case in read_cases(path):
            for mode in MODES:
                marks = [] if mode.name in FAST else [pytest.mark.modes]
                name = f"{path.relative_to(CASES).with_suffix('')}: {case.title} [{mode.name}]"
                parameters.append(pytest.param(case, mode, id=name, marks=marks))
    return parameters


@pytest.mark.parametrize(("case", "mode"), _parameters())
def test_case_holds(case: SqlCase, mode: Mode, tmp_path: Path) -> None:
    run_sql_case(case, mode, tmp_path)
