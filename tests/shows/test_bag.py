"""The bag: numbers are places, from 1, without gaps."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from livecommerce.kernel.errors import Code, Refused
from livecommerce.shows.bag import OFFERS_MAX, Bag, Entry, add, move, remove


def bag_of(*names: str) -> Bag:
    return Bag(tuple(Entry(f"o-{name}", f"p-{name}") for name in names))


def order(bag: Bag) -> str:
    return "".join(entry.offer_id.removeprefix("o-") for entry in bag.entries)


@pytest.mark.parametrize(
    ("number", "wanted"), [(None, "abcx"), (1, "xabc"), (2, "axbc"), (4, "abcx"), (500, "abcx")]
)
def test_an_offer_is_put_where_it_is_asked_for(number, wanted):
    bag = add(bag_of(*"abc"), Entry("o-x", "p-x"), number=number)
    assert order(bag) == wanted


@pytest.mark.parametrize(
    ("offer", "number", "wanted"),
    [("a", 1, "abcd"), ("a", 3, "bcad"), ("d", 1, "dabc"), ("b", 4, "acdb"), ("b", 99, "acdb")],
)
def test_an_offer_is_moved(offer, number, wanted):
    bag = move(bag_of(*"abcd"), f"o-{offer}", number=number)
    assert order(bag) == wanted
    assert bag.number_of(f"o-{offer}") == min(number, 4)


def test_those_behind_a_removed_one_move_up():
    bag = remove(bag_of(*"abcd"), "o-b")
    assert [bag.number_of(f"o-{name}") for name in "abcd"] == [1, None, 2, 3]
    assert bag.product_of("o-c") == "p-c"
    assert bag.product_of("o-b") is None


def test_a_product_is_in_a_bag_once():
    with pytest.raises(Refused) as refused:
        add(bag_of(*"abc"), Entry("o-new", "p-b"))
    assert refused.value.code is Code.ALREADY_EXISTS
    assert refused.value.data == {"offer_id": "o-b"}


def test_a_bag_holds_five_hundred():
    bag = Bag(tuple(Entry(f"o{n}", f"p{n}") for n in range(OFFERS_MAX)))
    with pytest.raises(Refused) as refused:
        add(bag, Entry("one", "more"))
    assert refused.value.code is Code.BAG_FULL
    assert len(remove(bag, "o7")) == 499


@pytest.mark.parametrize(
    "change", [lambda bag: remove(bag, "o-z"), lambda bag: move(bag, "o-z", number=1)]
)
def test_what_is_not_in_the_bag_is_not_found(change):
    with pytest.raises(Refused) as refused:
        change(bag_of(*"ab"))
    assert refused.value.code is Code.NOT_FOUND


@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "move"]), st.integers(0, 9), st.integers(1, 12))
    )
)
def test_numbers_never_have_gaps(steps):
    bag, names = Bag(), set()
    for verb, name, number in steps:
        try:
            match verb:
                case "add":
                    bag = add(bag, Entry(f"o{name}", f"p{name}"), number=number)
                    names.add(f"o{name}")
                case "remove":
                    bag = remove(bag, f"o{name}")
                    names.discard(f"o{name}")
                case _:
                    bag = move(bag, f"o{name}", number=number)
        except Refused:
            continue
        assert {entry.offer_id for entry in bag.entries} == names
        numbers = [bag.number_of(entry.offer_id) for entry in bag.entries]
        assert numbers == list(range(1, len(names) + 1))
