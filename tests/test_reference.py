"""The page of reference is what the parser and the settings say now."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

from streamsql.config import SETTINGS
from streamsql.sql.dispatch import openings

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_reference", ROOT / "docs/reference.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_is_as_the_program_says(generator: ModuleType) -> None:
    page = (ROOT / "docs" / "reference.md").read_text(encoding="utf-8")
    assert page == generator.write_page(), f"run {sys.executable} docs/reference.py"


def test_every_statement_and_setting_has_its_line(generator: ModuleType) -> None:
    page = generator.write_page()
    assert all(f"\n- `{words}`\n" in page for words in openings())
    assert all(f"\n| `{name}` |" in page for name in SETTINGS)


def test_a_stale_page_is_seen(
    generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generator, "PAGE", tmp_path / "reference.md")
    assert generator.main(["--check"]) == 1
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
