"""The session: one decision a message, whatever arrives, in bounded state."""

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codec import JSON, MESSAGE_PACK, CommandDecoder
from livecommerce.protocol.codes import CloseCode
from livecommerce.protocol.commands import Hello, Ping
from livecommerce.protocol.session import (
    Accept,
    Close,
    Ignore,
    Refuse,
    Session,
    SessionLimits,
    State,
    err_of,
)

ID = "0123456789abcdef"
LIMITS = SessionLimits(commands_per_s=10, commands_burst=10, refusals_per_s=1, refusals_burst=5)
DECODER = CommandDecoder()


def opened(limits: SessionLimits = LIMITS) -> Session:
    session = Session(codec=JSON, decoder=DECODER, limits=limits, now_s=0.0)
    accepted = session.receive(JSON.encode(Hello(id=ID)), is_text=True, now_s=0.0)
    assert accepted == Accept(Hello(id=ID))
    session.finished()
    return session


def said(session: Session, message: object, now_s: float = 100.0):
    return session.receive(orjson.dumps(message), is_text=True, now_s=now_s)


def test_hello_opens_and_other_commands_are_accepted():
    session = opened()
    assert session.state is State.OPEN
    assert said(session, {"t": "ping", "id": ID}) == Accept(Ping(id=ID))


def test_the_first_command_must_be_hello():
    session = Session(codec=JSON, decoder=DECODER, limits=LIMITS, now_s=0.0)
    decision = said(session, {"t": "ping", "id": ID})
    assert isinstance(decision, Close)
    assert decision.code is CloseCode.NO_HELLO
    assert decision.err is not None
    assert (decision.err.id, decision.err.code) == (ID, "hello_expected")
    assert said(session, {"t": "hello", "id": ID}) == Ignore()


def test_a_hello_with_a_fault_may_be_mended():
    session = Session(codec=JSON, decoder=DECODER, limits=LIMITS, now_s=0.0)
    decision = said(session, {"t": "hello", "id": ID, "rooms": 1})
    assert isinstance(decision, Refuse)
    assert decision.err.field == "rooms"
    assert isinstance(said(session, {"t": "hello", "id": ID}), Accept)


def test_hello_must_come_in_time():
    session = Session(codec=JSON, decoder=DECODER, limits=LIMITS, now_s=10.0)
    assert session.tick(14.9) is None
    late = session.tick(15.0)
    assert late is not None
    assert late.code is CloseCode.NO_HELLO
    assert session.tick(16.0) is None
    assert opened().tick(1000.0) is None


def test_versions():
    session = Session(codec=JSON, decoder=DECODER, limits=LIMITS, now_s=0.0)
    newer = said(session, {"t": "hello", "id": ID, "version": 2})
    assert isinstance(newer, Refuse)
    assert newer.err.field == "version"
    older = said(session, {"t": "hello", "id": ID, "version": 0})
    assert isinstance(older, Close)
    assert older.code is CloseCode.PROTOCOL_TOO_OLD


def test_a_second_hello_is_refused():
    decision = said(opened(), {"t": "hello", "id": ID})
    assert isinstance(decision, Refuse)
    assert decision.err.code == "bad_transition"


def test_five_malformed_messages_within_a_minute_close():
    session = opened()
    for number in range(4):
        decision = session.receive(b"{", is_text=True, now_s=100.0 + number)
        assert isinstance(decision, Refuse)
        assert decision.err.code == "bad_json"
        assert decision.err.id is None
    decision = session.receive(b"{", is_text=True, now_s=150.0)
    assert isinstance(decision, Close)
    assert decision.code is CloseCode.MALFORMED


def test_malformed_messages_are_forgotten_after_a_minute():
    session = opened()
    for number in range(12):
        decision = session.receive(b"{", is_text=True, now_s=100.0 + 16 * number)
        assert isinstance(decision, Refuse)


def test_the_other_kind_of_frame_closes():
    decision = opened().receive(b"{}", is_text=False, now_s=0.0)
    assert isinstance(decision, Close)
    assert decision.code is CloseCode.UNSUPPORTED_DATA
    packed = Session(codec=MESSAGE_PACK, decoder=DECODER, limits=LIMITS, now_s=0.0)
    decision = packed.receive(b"\x80", is_text=True, now_s=0.0)
    assert isinstance(decision, Close)


def test_a_message_over_the_limit_closes():
    session = opened(SessionLimits(message_bytes_max=200))
    assert isinstance(session.receive(b" " * 200, is_text=True, now_s=0.0), Refuse)
    decision = session.receive(b" " * 201, is_text=True, now_s=0.0)
    assert isinstance(decision, Close)
    assert decision.code is CloseCode.TOO_BIG


def test_too_fast_is_refused_with_the_wait_then_closed():
    session = opened()
    decisions = [said(session, {"t": "ping", "id": ID}) for _ in range(16)]
    assert [type(decision) for decision in decisions] == [Accept] * 10 + [Refuse] * 5 + [Close]
    refused = decisions[10]
    assert isinstance(refused, Refuse)
    assert refused.err.id == ID
    assert refused.err.code == "rate_limited"
    assert refused.err.after_ms is not None
    assert 0 < refused.err.after_ms <= 101
    last = decisions[15]
    assert isinstance(last, Close)
    assert last.code is CloseCode.RATE_LIMITED


def test_after_the_wait_it_may_go_on():
    session = opened()
    decision = None
    for _ in range(11):
        decision = said(session, {"t": "ping", "id": ID})
        if isinstance(decision, Accept):
            session.finished()
    assert isinstance(decision, Refuse)
    assert decision.err.after_ms is not None
    later_s = 100.0 + decision.err.after_ms / 1000
    assert isinstance(said(session, {"t": "ping", "id": ID}, later_s), Accept)


def test_commands_in_flight_are_bounded():
    session = opened(SessionLimits(in_flight_max=2))
    assert isinstance(said(session, {"t": "ping", "id": ID}), Accept)
    assert isinstance(said(session, {"t": "ping", "id": ID}), Accept)
    decision = said(session, {"t": "ping", "id": ID})
    assert isinstance(decision, Refuse)
    assert decision.err.code == "rate_limited"
    session.finished()
    assert isinstance(said(session, {"t": "ping", "id": ID}), Accept)


def test_a_refusal_becomes_an_error_with_its_retry_rule():
    err = err_of(ID, Refused(Code.SLOW_MODE, retry_after_ms=1500, field="text", left=3))
    assert (err.code, err.retry, err.after_ms) == ("slow_mode", "after", 1500)
    assert (err.field, err.data) == ("text", {"left": 3})


@given(st.lists(st.tuples(st.binary(max_size=60), st.booleans(), st.floats(0, 30))))
def test_any_messages_get_a_decision(messages):
    session = Session(codec=JSON, decoder=DECODER, limits=LIMITS, now_s=0.0)
    now_s = 0.0
    for payload, is_text, pause_s in messages:
        now_s += pause_s
        decision = session.receive(payload, is_text=is_text, now_s=now_s)
        assert isinstance(decision, Accept | Refuse | Close | Ignore)


class AnySession(RuleBasedStateMachine):
    """Whatever a client does, the session answers each message once and stays small."""

    def __init__(self) -> None:
        super().__init__()
        self.session = Session(codec=JSON, decoder=DECODER, limits=LIMITS, now_s=0.0)
        self.now_s = 0.0
        self.was_closed = False

    @rule(
        payload=st.sampled_from(
            [
                b'{"t":"hello","id":"0123456789abcdef"}',
                b'{"t":"ping","id":"0123456789abcdef"}',
                b'{"t":"join","id":"0123456789abcdef","room":"r"}',
                b'{"t":"fly","id":"0123456789abcdef"}',
                b'{"t":"ping"}',
                b"{",
                b"\xff",
                b"",
            ]
        )
        | st.binary(max_size=40),
        is_text=st.sampled_from([True, True, True, True, False]),
    )
    def receive(self, payload, is_text):
        decision = self.session.receive(payload, is_text=is_text, now_s=self.now_s)
        assert isinstance(decision, Ignore) == self.was_closed
        self.was_closed |= isinstance(decision, Close)

    @rule(seconds=st.floats(0, 20))
    def wait(self, seconds):
        self.now_s += seconds
        self.was_closed |= self.session.tick(self.now_s) is not None

    @precondition(lambda self: self.session.in_flight > 0)
    @rule()
    def finish(self):
        self.session.finished()

    @invariant()
    def is_bounded(self):
        assert 0 <= self.session.in_flight <= LIMITS.in_flight_max
        assert (self.session.state is State.CLOSED) == self.was_closed
        assert not hasattr(self.session, "__dict__")


TestAnySession = AnySession.TestCase


@pytest.mark.parametrize("state", list(State))
def test_close_is_final(state):
    session = opened()
    session.state = state
    session.close()
    assert said(session, {"t": "ping", "id": ID}) == Ignore()
