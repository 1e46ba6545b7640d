"""The report says what was measured, and what was promised and not kept."""

import json

import pytest

from benchmarks.report import QUESTIONS, Line, text

RUN = {"at": "2026-01-01T00:00:00Z", "arguments": ["--quick"], "commit": "abc", "changed_files": 2}
MACHINE = {"cpu": "one", "cores": 2, "memory_gib": 4.0, "system": "Linux", "python": "3.11"}


@pytest.fixture
def folder(tmp_path):
    def store(question, **figures):
        whole = {"question": question, **figures, "machine": MACHINE, "run": RUN}
        (tmp_path / f"{question}.json").write_text(json.dumps(whole))

    store("slow_viewers", others_p99_ratio=1.3, kib_per_stalled=180.5)
    store("fan_out", ratio_to_raw_send={"1000": 0.9, "5000": 0.95})
    return tmp_path


def row_of(lines, name):
    (row,) = [line for line in lines if line.startswith(f"| `{name}` ")]
    return [cell.strip() for cell in row.strip("|").split("|")]


def test_what_was_promised_is_judged(folder):
    lines = list(text(folder, set()))
    assert row_of(lines, "others_p99_ratio")[2:] == ["1.3", "≤ 1.15", "**missed**"]
    assert row_of(lines, "kib_per_stalled")[2:] == ["180.5", "≤ 256", "kept"]
    assert row_of(lines, "ratio_to_raw_send.1000")[2:] == ["0.9", "≥ 0.85", "kept"]


def test_what_was_not_measured_is_said(folder):
    lines = list(text(folder, set()))
    assert row_of(lines, "times_best_peer_default")[2:] == ["–", "≥ 5", "not measured"]
    assert "Not measured yet: `python -m benchmarks.capacity`." in lines


def test_every_answer_says_where_it_comes_from(folder):
    lines = list(text(folder, {"slow_viewers"}))
    assert sum("commit `abc` and 2 changed files; one, 2 cores" in line for line in lines) == 2
    assert any(line.endswith("(slow_viewers.svg)\n") for line in lines)
    assert not any("(fan_out.svg)" in line for line in lines)


def test_a_promise_is_kept_on_its_bound():
    line = Line("a.b", "", at_least=5)
    assert line.verdict(line.value({"a": {"b": 5}})) == "kept"
    assert line.verdict(4.99) == "**missed**"
    assert Line("a", "").verdict(1) == ""


def test_every_question_is_a_program():
    for question in QUESTIONS:
        module = __import__(f"benchmarks.{question}", fromlist=["__doc__"])
        described = (
            module.__doc__
            or __import__(f"benchmarks.{question}.__main__", fromlist=["__doc__"]).__doc__
        )
        assert described
        assert "last line is" in described or "The last line" in described
