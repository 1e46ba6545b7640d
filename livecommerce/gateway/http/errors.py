"""Refusals to HTTP answers (RFC 9457 problem documents). Nothing else ever reaches a client."""

from __future__ import annotations

import orjson
import structlog
from aiohttp import web
from aiohttp.typedefs import Handler

from livecommerce.gateway.http.bodies import REQUEST_ID
from livecommerce.kernel.errors import Code, Refused
from livecommerce.protocol.codes import TABLE, wait_ms

log = structlog.get_logger()

_BY_STATUS = {
    400: Code.BAD_FRAME,
    404: Code.NOT_FOUND,
    405: Code.METHOD_NOT_ALLOWED,
    413: Code.TOO_LARGE,
    415: Code.UNSUPPORTED_MEDIA_TYPE,
}


def problem(refused: Refused, request_id: str) -> web.Response:
    """Makes the answer of a refusal: status, code, field and retry rule from the one table."""
    rule = TABLE[refused.code]
    document = {
        "type": f"urn:livecommerce:error:{refused.code}",
        "title": refused.code.replace("_", " "),
        "status": rule.status,
        "code": refused.code,
        "retry": rule.retry,
        "request_id": request_id,
    }
    if refused.field is not None:
        document["field"] = refused.field
    after_ms = wait_ms(refused)
    if after_ms is not None:
        document["after_ms"] = after_ms
    if refused.data:
        document["data"] = refused.data
    answer = web.Response(
        body=orjson.dumps(document), status=rule.status, content_type="application/problem+json"
    )
    if after_ms is not None:
        answer.headers["Retry-After"] = str(max(1, -(-after_ms // 1000)))
    return answer


@web.middleware
async def answer_errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """The outermost middleware: whatever happens inside becomes one documented answer."""
    try:
        return await handler(request)
    except Refused as refused:
        return problem(refused, request[REQUEST_ID])
    except web.HTTPException as raised:
        if raised.status < 400:
            raise
        code = _BY_STATUS.get(raised.status, Code.BAD_FRAME)
        answer = problem(Refused(code), request[REQUEST_ID])
        if allow := raised.headers.get("Allow"):
            answer.headers["Allow"] = allow
        return answer
    except ConnectionError:
        # The caller has gone: there is nobody to answer.
        raise
    except Exception:
        log.exception("request failed", request_id=request[REQUEST_ID], path=request.path)
        return problem(Refused(Code.INTERNAL, incident=request[REQUEST_ID]), request[REQUEST_ID])
