from pathlib import Path

import orjson
import pytest

from livecommerce.gateway import schema_files
from livecommerce.gateway.openapi import document
from livecommerce.gateway.schema import schema


def plain(value: object) -> object:
    """As it comes back from a file: lists where tuples were."""
    return orjson.loads(orjson.dumps(value))


def test_the_files_of_the_tree_are_those_of_the_code():
    assert schema_files.write(check=True) == [], "run `make schema` and commit the result"


def test_writing_makes_what_is_missing_and_then_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(schema_files, "_ROOT", tmp_path)
    monkeypatch.setattr(schema_files, "_WEB", tmp_path / "no web client here")
    monkeypatch.setattr(schema_files, "_PROTOCOL", tmp_path / "protocol")
    assert len(schema_files.write(check=True)) == 2
    assert list(tmp_path.iterdir()) == [], "checking writes nothing"
    assert len(schema_files.write(check=False)) == 2
    assert schema_files.write(check=True) == schema_files.write(check=False) == []
    assert orjson.loads((tmp_path / "protocol" / "schema.json").read_bytes()) == plain(schema())
    described = tmp_path / "docs" / "reference" / "openapi.json"
    assert orjson.loads(described.read_bytes()) == plain(document())
    described.write_text("{}")
    assert schema_files.write(check=True) == ["docs/reference/openapi.json"]
