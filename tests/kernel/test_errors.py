from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codes import TABLE


def test_every_code_stands_in_the_table_with_a_status() -> None:
    assert set(TABLE) == set(Code)
    assert all(400 <= rule.status < 600 for rule in TABLE.values())


def test_only_internal_is_a_server_fault() -> None:
    faults = {code for code, rule in TABLE.items() if rule.status >= 500}
    assert faults - {Code.SERVER_BUSY, Code.UNAVAILABLE, Code.PAYMENT_UNAVAILABLE} == {
        Code.INTERNAL
    }


def test_a_refusal_says_its_facts_in_a_log() -> None:
    refused = Refused(Code.QTY, field="qty", most=3)
    assert str(refused) == "qty(field='qty', most=3)"
