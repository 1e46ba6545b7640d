"""Ways to pay over HTTP: saved cards, the provider's webhooks, and the sandbox's challenge page."""

from __future__ import annotations

from html import escape
from urllib.parse import parse_qs

from aiohttp import web

from livecommerce.gateway.http.bodies import actor, body, read, reply
from livecommerce.kernel.errors import Code, Refused
from livecommerce.kernel.money import exponent
from livecommerce.payments.providers.port import Intent, IntentStatus
from livecommerce.payments.providers.sandbox import CHALLENGE_PATH, Sandbox
from livecommerce.payments.service import Payments
from livecommerce.payments.wire import CardDraft
from livecommerce.protocol.commands import Done

WEBHOOK_BYTES_MAX = 256 * 1024
_FORM_BYTES_MAX = 1_024
_PAGE_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; form-action 'self';"
        " frame-ancestors 'self'; base-uri 'none'"
    ),
    # Not "no-referrer": with it a form would be sent with the origin "null".
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
}


def routes(payments: Payments, sandbox: Sandbox) -> list[web.RouteDef]:
    """Makes the routes of payments."""

    async def methods(request: web.Request) -> web.Response:
        market = request.query.get("market", "SA")
        return reply(await payments.methods(actor(request), market))

    async def save_card(request: web.Request) -> web.Response:
        person = actor(request)
        return reply(await payments.save_card(person, await read(request, CardDraft)), 201)

    async def forget_card(request: web.Request) -> web.Response:
        await payments.forget_card(actor(request), request.match_info["id"])
        return reply(Done())

    async def webhook(request: web.Request) -> web.Response:
        raw = await body(request, WEBHOOK_BYTES_MAX)
        if len(request.headers.getall("Sandbox-Signature", [])) > 1:
            raise Refused(Code.BAD_FIELD, field="Sandbox-Signature")
        await payments.receive("sandbox", dict(request.headers), raw)
        return reply(Done())

    async def challenge(request: web.Request) -> web.Response:
        return _page(await sandbox.challenge(request.match_info["intent"]))

    async def answer(request: web.Request) -> web.Response:
        # Nothing but the button counts: what came of it is read from the provider's book.
        form = parse_qs(await body(request, _FORM_BYTES_MAX), keep_blank_values=True)
        said = form.get(b"answer")
        if said not in ([b"approve"], [b"deny"]):
            raise Refused(Code.BAD_FIELD, field="answer")
        intent = await sandbox.answer_challenge(
            request.match_info["intent"], approve=said == [b"approve"]
        )
        payments.nudge()
        return _page(intent)

    return [
        web.get("/v1/me/payment-methods", methods),
        web.post("/v1/me/cards", save_card),
        web.delete("/v1/me/cards/{id}", forget_card),
        web.post("/v1/payments/sandbox/webhook", webhook),
        web.get(CHALLENGE_PATH + "{intent}", challenge),
        web.post(CHALLENGE_PATH + "{intent}", answer),
    ]


_STYLE = """
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;
font:1rem/1.6 system-ui,sans-serif;background:#f4f1ec;color:#1d1a16}
main{width:min(26rem,100%);padding:1.5rem}
.card{background:#fff;border-radius:1rem;padding:1.25rem;box-shadow:0 .5rem 2rem #0002}
h1{font-size:1.15rem;margin:0}p{margin:.25rem 0}.sum{font-size:1.6rem;font-weight:700;margin:1rem 0}
form{display:grid;gap:.75rem;margin-top:1rem}
button{font:inherit;font-weight:600;min-height:3rem;border-radius:.75rem;border:1px solid #1d1a16;
background:#fff;color:inherit;cursor:pointer}
button[value=approve]{background:#0b6b50;border-color:#0b6b50;color:#fff}
button:focus-visible{outline:3px solid #2563eb;outline-offset:2px}
.test{font-size:.85rem;color:#5d554a;margin-top:1rem}
"""

_DONE = {
    IntentStatus.SUCCEEDED: (
        "Approved. You can go back to the show.",
        "تمت الموافقة. يمكنك العودة إلى البث.",
    ),
    IntentStatus.DECLINED: ("Denied. Nothing was charged.", "رُفضت العملية. لم يُخصم أي مبلغ."),
    IntentStatus.CANCELED: ("This payment was cancelled.", "أُلغيت عملية الدفع هذه."),
}


def _page(intent: Intent) -> web.Response:
    """The page a bank would show, in both languages at once: it does not know the buyer's."""
    decimals = exponent(intent.currency)
    whole, part = divmod(intent.amount_minor, 10**decimals)
    amount = f"{whole:,}.{part:0{decimals}d}" if decimals else f"{whole:,}"
    if intent.status is IntentStatus.REQUIRES_ACTION:
        inside = (
            '<form method="post">'
            '<button name="answer" value="approve">Approve · <bdi lang="ar">موافقة</bdi></button>'
            '<button name="answer" value="deny">Deny · <bdi lang="ar">رفض</bdi></button></form>'
        )
    else:
        english, arabic = _DONE.get(
            intent.status, ("This payment is being processed.", "تجري معالجة عملية الدفع.")
        )
        inside = f'<p role="status">{english}</p><p role="status" lang="ar" dir="rtl">{arabic}</p>'
    html = (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>Confirm payment</title><style>{_STYLE}</style></head><body><main>"
        '<div class="card"><h1>Confirm this payment</h1>'
        '<p lang="ar" dir="rtl">أكّد عملية الدفع هذه</p>'
        f'<p class="sum"><bdi>{escape(intent.currency)} {amount}</bdi></p>{inside}'
        '<p class="test">Sandbox: no real money moves. <span lang="ar" dir="rtl">'
        "تجربة: لا يُحوَّل مال حقيقي.</span></p></div></main></body></html>"
    )
    return web.Response(text=html, content_type="text/html", headers=_PAGE_HEADERS)
