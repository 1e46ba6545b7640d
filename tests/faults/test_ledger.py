"""The audit itself: clean books pass, and every planted fault is found."""

import pytest

from livecommerce.protocol.events import Lane
from tests.faults.ledger import Fate, Ledger, Published, View


def line(id: str, publisher: str = "p", fate: Fate = Fate.TOLD) -> Published:
    return Published(publisher, Lane.LOG, id, fate=fate)


def value(version: int, key: str = "pin", fate: Fate = Fate.TOLD) -> Published:
    return Published("p", Lane.STATE, "", key, version, fate)


def ledger_of(*published: Published) -> tuple[Ledger, View]:
    """Books in which one viewer has seen nothing yet."""
    ledger = Ledger()
    for each in published:
        ledger.write(each)
    return ledger, ledger.view("v")


def test_clean_books_have_no_complaints():
    ledger, view = ledger_of(line("a"), line("x", "q"), value(1), line("b"), value(2))
    view.state("pin", 1, epoch="e", is_snapshot=True)
    for id in ("a", "b", "x"):
        view.log(id, epoch="e")
    view.state("pin", 2, epoch="e")
    verdict = ledger.audit()
    assert verdict.complaints == []
    assert (verdict.published, verdict.seen) == (5, 5)
    assert ledger.everybody_knows()


def test_a_lost_event_is_found():
    ledger, view = ledger_of(line("a"), line("b"), line("c"))
    view.log("a")
    view.log("c")
    assert not ledger.everybody_knows()
    assert ledger.audit().lost == ["v b"]


def test_a_lost_last_value_is_found_and_a_value_in_between_is_not_missed():
    ledger, view = ledger_of(value(1), value(2), value(3))
    view.state("pin", 1)
    view.state("pin", 3)
    assert ledger.audit().complaints == []
    view.shown.pop()
    assert not ledger.everybody_knows()
    assert ledger.audit().lost == ["v pin=3, has 1"]


def test_a_key_that_was_never_shown_is_lost():
    ledger, _ = ledger_of(value(1))
    assert ledger.audit().lost == ["v pin=1, has None"]


def test_a_duplicate_is_found():
    ledger, view = ledger_of(line("a"), line("b"), value(1))
    for id in ("a", "b", "a"):
        view.log(id)
    view.state("pin", 1)
    view.state("pin", 1)
    assert ledger.audit().duplicated == ["v a, 2 times", "v pin=1, 2 times"]


def test_a_snapshot_may_repeat_what_was_shown_and_so_may_a_new_epoch():
    ledger, view = ledger_of(line("a"), value(1))
    view.log("a", epoch="e")
    view.state("pin", 1, epoch="e")
    view.state("pin", 1, epoch="f", is_snapshot=True)
    view.log("a", epoch="f", is_snapshot=True)
    view.log("a", epoch="f")
    assert ledger.audit().complaints == []
    view.log("a", epoch="f")
    assert ledger.audit().duplicated == ["v a, 2 times"]


def test_a_publishers_order_that_is_not_kept_is_found():
    ledger, view = ledger_of(line("a"), line("x", "q"), line("b"))
    for id in ("x", "b", "a"):
        view.log(id)
    assert ledger.audit().inverted == ["v a after b"]


def test_a_value_that_goes_back_is_found_in_a_snapshot_too():
    ledger, view = ledger_of(value(1), value(2))
    view.state("pin", 1)
    view.state("pin", 2)
    view.state("pin", 1, is_snapshot=True)
    assert ledger.audit().inverted == ["v pin=1 after 2"]


def test_viewers_who_were_shown_different_orders_are_found():
    ledger, first = ledger_of(line("a"), line("x", "q"))
    second = ledger.view("w")
    for id in ("a", "x"):
        first.log(id, epoch="e")
    for id in ("x", "a"):
        second.log(id, epoch="e")
    assert ledger.audit().inverted == ["w a after x, unlike v"]


def test_viewers_of_different_epochs_need_not_agree():
    ledger, first = ledger_of(line("a"), line("x", "q"))
    second = ledger.view("w")
    for id in ("a", "x"):
        first.log(id, epoch="e")
    for id in ("x", "a"):
        second.log(id, epoch="f")
    assert ledger.audit().complaints == []


def test_what_was_refused_may_not_be_shown_and_what_got_no_answer_may():
    ledger, view = ledger_of(
        line("a", fate=Fate.REFUSED), line("b", fate=Fate.UNKNOWN), value(1, fate=Fate.REFUSED)
    )
    assert ledger.audit().complaints == []
    view.log("b")
    assert ledger.audit().complaints == []
    view.log("a")
    view.state("pin", 1)
    view.log("nobody's")
    assert ledger.audit().forged == ["v a", "v nobody's", "v pin=1"]


def test_a_hole_in_the_offsets_is_a_loss_even_if_all_ids_are_there():
    ledger, view = ledger_of(line("a"))
    view.log("a")
    view.holes.append("4 after 2")
    assert ledger.audit().lost == ["v 4 after 2"]


def test_lines_a_full_snapshot_had_no_room_for_are_skipped_and_others_are_lost():
    ledger, view = ledger_of(*(line(id) for id in "abcdef"), line("x", "q"), line("y", "q"))
    view.log("a")
    view.log("x")
    view.log("y")
    view.cut()
    for id in "df":
        view.log(id, is_snapshot=True)
    verdict = ledger.audit()
    # "e" is missing behind the first line of the snapshot.
    assert (verdict.skipped, verdict.lost) == (2, ["v e"])
    assert not ledger.everybody_knows()
    view.log("e")
    assert ledger.everybody_knows()


def test_what_a_full_snapshot_had_no_room_for_may_come_late_and_nothing_else_may():
    ledger, view = ledger_of(*(line(id) for id in "abcdef"))
    view.log("a")
    view.cut()
    for id in "def":
        view.log(id, is_snapshot=True)
    for id in "bc":
        view.log(id)
    verdict = ledger.audit()
    assert (verdict.late, verdict.skipped, verdict.complaints) == (2, 0, [])

    view.cuts.clear()
    assert ledger.audit().inverted == ["v b after f", "v c after f"]


def test_what_comes_late_from_behind_the_first_line_of_a_snapshot_is_out_of_order():
    ledger, view = ledger_of(*(line(id) for id in "abcd"))
    view.log("a")
    view.cut()
    for id in "bd":
        view.log(id, is_snapshot=True)
    view.log("c")
    verdict = ledger.audit()
    assert (verdict.late, verdict.inverted) == (0, ["v c after d"])


def test_what_is_missing_before_a_snapshot_came_is_lost():
    ledger, view = ledger_of(*(line(id) for id in "abcd"))
    view.log("a")
    view.log("c")
    view.cut()
    assert ledger.audit().lost == ["v b", "v d"]


@pytest.mark.parametrize("again", [line("a"), value(1), value(0)])
def test_publishers_whose_own_books_are_wrong_are_found(again: Published):
    ledger, _ = ledger_of(line("a"), value(1), again)
    with pytest.raises(ValueError, match="published"):
        ledger.audit()
