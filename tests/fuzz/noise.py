"""Frames gone wrong: made from good ones, by a seed, so that a failure can be had again."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import orjson

from tests.support.sockets import frame, new_command_id

Facts = dict[str, Any]

NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 1.5, 2**31, 2**63, -(2**63), 2**64, 1e308,
    "", "a", "0", "null", "\0", "\u202e", "a" * 300, "../../etc/passwd", "' OR 1=1 --", "<script>",
    "𝕏" * 40, [], {}, [[]], {"t": "buy"}, [1] * 50, {"a": {"b": {"c": {}}}},
)  # fmt: skip


def good_commands(facts: Facts) -> list[dict[str, Any]]:
    """One of every kind a viewer may send, and of the kinds only staff may."""
    buy = {
        "t": "buy",
        "variant_id": facts["variant"],
        "offer_id": facts["offer"],
        "qty": 1,
        "expected_total_minor": facts["total"],
        "currency": "SAR",
    }
    return [
        {"t": "ping"},
        {"t": "leave"},
        {"t": "join", "room": facts["room"]},
        {"t": "join", "room": facts["room"], "epoch": "x", "offset": 5},
        {"t": "hello", "room": facts["room"], "version": 1},
        {"t": "renew", "token": facts["token"]},
        {"t": "send_chat", "text": "Salam", "mentions": []},
        {"t": "send_likes", "count": 3},
        buy,
        {
            **buy,
            "address_id": facts["address"],
            "payment": {"method": "card", "card_id": facts["card"]},
        },
        {"t": "cancel_order", "order_id": facts["room"]},
        {
            "t": "pay",
            "order_id": facts["room"],
            "address_id": facts["address"],
            "payment": {"method": "card", "card_id": facts["card"]},
        },
        {"t": "pin_offer", "offer_id": facts["offer"], "slot": 1},
        {"t": "delete_message", "message_id": facts["room"]},
        {"t": "time_out", "person_id": facts["room"], "duration_s": 60},
        {
            "t": "plan_sale",
            "offer_id": facts["offer"],
            "variant_id": facts["variant"],
            "price_minor": 1,
            "quota": 1,
        },
    ]


@dataclass(frozen=True, slots=True)
class Noise:
    """What one connection sends."""

    says_hello: bool
    data: bytes
    frames: int
    cuts: tuple[int, ...]
    """Where TCP segments end, in bytes."""

    def segments(self) -> Iterator[bytes]:
        start = 0
        for cut in self.cuts:
            yield self.data[start:cut]
            start = cut
        yield self.data[start:]


class NoiseMaker:
    """Makes connections' worth of noise from a seed."""

    def __init__(self, seed: int, facts: Facts) -> None:
        self._random = random.Random(seed)
        self._commands = good_commands(facts)
        # The likelier, the deeper it gets: most frames are almost right.
        self._kinds: list[tuple[int, Callable[[], bytes]]] = [
            (20, self._good),
            (25, self._changed_field),
            (10, self._changed_bytes),
            (8, self._cut_short),
            (5, self._random_payload),
            (5, self._fragmented),
            (4, self._control),
            (3, self._binary),
            (3, self._close),
            (3, self._changed_head),
            (2, self._unmasked),
            (2, self._lying_length),
            (2, self._bad_opcode),
            (1, self._reserved_bits),
            (1, self._raw),
        ]

    def connection(self) -> Noise:
        """The noise of one connection."""
        chance = self._random
        count = chance.choice((1, 2, 3, 5, 8, 13, 21, 34))
        weights = [weight for weight, _ in self._kinds]
        makers = chance.choices([make for _, make in self._kinds], weights, k=count)
        data = b"".join(make() for make in makers)
        cuts = chance.choice((0, 0, 1, 3, min(len(data), 60)))
        return Noise(
            says_hello=chance.random() < 0.9,
            data=data,
            frames=count,
            cuts=tuple(sorted(chance.randrange(len(data) + 1) for _ in range(cuts))),
        )

    # ---- kinds --------------------------------------------------------------------------------

    def _payload(self) -> bytes:
        return orjson.dumps({"id": new_command_id(), **self._random.choice(self._commands)})

    def _good(self) -> bytes:
        return frame(self._payload())

    def _changed_field(self) -> bytes:
        chance = self._random
        command = {"id": new_command_id(), **chance.choice(self._commands)}
        for _ in range(chance.choice((1, 1, 2))):
            name = chance.choice([*command, "extra", ""])
            if chance.random() < 0.15:
                command.pop(name, None)
            else:
                command[name] = chance.choice(NASTY)
        try:
            return frame(orjson.dumps(command))
        except TypeError:  # integers past 64 bits
            return frame(repr(command).replace("'", '"').encode())

    def _changed_bytes(self) -> bytes:
        payload = bytearray(self._payload())
        for _ in range(self._random.choice((1, 2, 8))):
            payload[self._random.randrange(len(payload))] = self._random.randrange(256)
        return frame(bytes(payload))

    def _cut_short(self) -> bytes:
        payload = self._payload()
        return frame(payload[: self._random.randrange(len(payload))])

    def _random_payload(self) -> bytes:
        return frame(self._random.randbytes(self._random.choice((0, 1, 125, 126, 127, 2000))))

    def _fragmented(self) -> bytes:
        payload = self._payload()
        parts = self._random.choice((2, 3, 10))
        cuts = sorted(self._random.randrange(len(payload) + 1) for _ in range(parts - 1))
        pieces = [payload[a:b] for a, b in zip([0, *cuts], [*cuts, len(payload)], strict=True)]
        frames = bytearray()
        for i, piece in enumerate(pieces):
            made = bytearray(frame(piece, opcode=1 if i == 0 else 0))
            if i < len(pieces) - 1:
                made[0] &= 0x7F
            frames += made
            if self._random.random() < 0.2:
                frames += frame(b"between", opcode=9)
        return bytes(frames)

    def _control(self) -> bytes:
        opcode = self._random.choice((9, 10))
        return frame(self._random.randbytes(self._random.choice((0, 5, 125, 126))), opcode=opcode)

    def _binary(self) -> bytes:
        return frame(self._payload(), opcode=2)

    def _close(self) -> bytes:
        code = self._random.choice((0, 999, 1000, 1001, 1004, 1005, 1006, 1015, 2000, 3000, 5000))
        body = self._random.choice(
            (b"", b"\x03", code.to_bytes(2), code.to_bytes(2) + b"bye", code.to_bytes(2) + b"\xff")
        )
        return frame(body, opcode=8)

    def _changed_head(self) -> bytes:
        made = bytearray(self._good())
        made[self._random.randrange(2)] ^= 1 << self._random.randrange(8)
        return bytes(made)

    def _unmasked(self) -> bytes:
        payload = self._payload()[:120]
        return bytes((0x81, len(payload))) + payload

    def _lying_length(self) -> bytes:
        payload = self._payload()[:120]
        length = self._random.choice((0, 1, 125, 2**15, 2**31, 2**63, 2**64 - 1))
        head = bytes((0x81, 0x80 | 127)) + length.to_bytes(8)
        return head + self._random.randbytes(4) + payload

    def _bad_opcode(self) -> bytes:
        return frame(self._payload(), opcode=self._random.choice((3, 4, 5, 6, 7, 11, 12, 13, 14)))

    def _reserved_bits(self) -> bytes:
        made = bytearray(self._good())
        made[0] |= self._random.choice((0x40, 0x20, 0x10, 0x70))
        return bytes(made)

    def _raw(self) -> bytes:
        return self._random.randbytes(self._random.choice((1, 2, 16, 400)))
