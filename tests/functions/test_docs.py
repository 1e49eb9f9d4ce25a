"""The page of functions says each of them, as the registry does."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

from streamsql.functions import AGGREGATES, SCALARS, TABLE_FUNCTIONS

GENERATOR = Path(__file__).resolve().parents[2] / "docs" / "generate.py"


@pytest.fixture(scope="module")
def generator():
    spec = importlib.util.spec_from_file_location("docs_generate", GENERATOR)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_function_has_its_place(generator):
    page = generator.write_page()
    names = re.findall(r"^### (\w+)$", page, re.MULTILINE)
    assert sorted(names) == sorted([*SCALARS, *TABLE_FUNCTIONS, *AGGREGATES])
    for entry in SCALARS.values():
        assert entry.doc in page
        for row in entry.signatures:
            assert generator._show(entry.name.upper(), row.parameters) in page


def test_links_lead_somewhere(generator):
    page = generator.write_page()
    links = set(re.findall(r"\(#(\w+)\)", page))
    assert links == {name.lower() for name in re.findall(r"^### (\w+)$", page, re.MULTILINE)}


def test_a_stale_page_is_seen(generator, tmp_path, monkeypatch):
    monkeypatch.setattr(generator, "PAGE", tmp_path / "functions.md")
    assert generator.main(["--check"]) == 1
    assert generator.main([]) == 0
    assert generator.main(["--check"]) == 0
    (tmp_path / "functions.md").write_text("old")
    assert generator.main(["--check"]) == 1
