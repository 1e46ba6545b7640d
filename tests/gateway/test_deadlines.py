"""Deadlines are met in the order in which they were set."""

from livecommerce.gateway.deadlines import Deadlines


def test_only_what_is_due_is_told_and_only_once():
    told: list[str] = []
    deadlines = Deadlines(5.0, told.append)
    for name, now_s in (("a", 0.0), ("b", 1.0), ("c", 2.0)):
        deadlines.add(name, now_s)
    deadlines.remove("b")
    deadlines.remove("b")
    deadlines.sweep(4.9)
    assert told == []
    deadlines.sweep(6.5)
    deadlines.sweep(6.5)
    assert told == ["a"]
    deadlines.sweep(7.0)
    assert told == ["a", "c"]
    assert len(deadlines) == 0


def test_a_member_may_be_removed_by_another_that_is_overdue():
    deadlines: Deadlines[str] = Deadlines(1.0, lambda name: deadlines.remove("b"))
    deadlines.add("a", 0.0)
    deadlines.add("b", 5.0)
    deadlines.sweep(2.0)
    assert len(deadlines) == 0
