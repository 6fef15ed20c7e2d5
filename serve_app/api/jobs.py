"""Jobs: asked for with 202, then looked at, watched and cancelled.

``train`` shows the retrains and ``data`` all other kinds; one's job is unknown to the other.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from fastapi import APIRouter
from starlette.exceptions import HTTPException
from starlette.responses import Response

from serve_app.api.cursor import cursor_of, place_of
from serve_app.api.dependencies import Call, ThisCall
from serve_app.api.errors import status_path
from serve_app.api.event_stream import EventStream, lasting_s
from serve_app.api.health import health
from serve_app.api.query import KINDS, LIMIT, PAGED, STATES, USE_CASES, one_of, query
from serve_app.api.replies import reply
from serve_app.core.errors import FieldError, InvalidInput, UnknownJob
from serve_app.core.jobs import TERMINAL, Job, JobFilter, Kind, as_json
from serve_app.core.misfits import shown

ID = r"^[0-9A-Za-z_-]{1,64}$"
KEY = r"^[!-~]{1,200}$"
SEQ = r"^[0-9]{1,15}$"


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    kinds: tuple[Kind, ...]


TRAIN = Family("train", ("train",))
DATA = Family("data", tuple(kind for kind in KINDS if kind not in TRAIN.kinds))


async def start(call: Call, family: Family, kind: Kind, use_case: str) -> Response:
    call.graph.use_case(use_case)  # an unknown one is refused before its body is read
    return await accepted(call, family, kind, use_case, await call.optional_json())


async def accepted(call: Call, family: Family, kind: Kind, use_case: str, body: Any) -> Response:
    found = await call.graph.jobs.accept(kind, use_case, body, call.by, _key(call))
    headers = {"Location": status_path(family.name, found.job.id)}
    return reply(as_json(found.job), 202, {**headers, **({"Idempotent-Replayed": "true"} if found.again else {})})


def router_of(family: Family) -> APIRouter:
    """What a family's jobs are looked at by."""
    router = APIRouter(prefix=f"/api/v1/{family.name}")

    @router.get("/status/{job_id}")
    @router.get("/jobs/{job_id}")
    async def status(job_id: str, call: ThisCall) -> Response:
        return reply(as_json(await _job(call, family, job_id)))

    @router.get("/jobs")
    async def jobs(call: ThisCall) -> Response:
        return reply(await _page(call, family))

    @router.post("/jobs/{job_id}/cancel")
    async def cancel(job_id: str, call: ThisCall) -> Response:
        await _job(call, family, job_id)
        await _no_members(call)
        return reply(as_json(await call.graph.jobs.cancel(job_id, call.by)))

    @router.get("/jobs/{job_id}/events")
    async def events(job_id: str, call: ThisCall) -> Response:
        return await _events(call, await _job(call, family, job_id))

    router.get("/health")(health)
    return router


async def _job(call: Call, family: Family, job_id: str) -> Job:
    if re.fullmatch(ID, job_id):  # what is no id need not reach the database
        job = await call.graph.jobs.job(job_id)
        if job.kind in family.kinds:
            return job
    raise UnknownJob("no job has such an id")


async def _page(call: Call, family: Family) -> dict[str, Any]:
    known = {**USE_CASES, "status": STATES, "kind": one_of(family.kinds), **PAGED}
    asked = query(call.request.query_params, known)
    limit = asked.get("limit", LIMIT)
    before = place_of(asked["cursor"], 1)[0] if "cursor" in asked else None
    kinds = (asked["kind"],) if "kind" in asked else family.kinds
    which = JobFilter(asked.get("use_case"), kinds, (asked["status"],) if "status" in asked else ())
    found = await call.graph.jobs.page(which, before, limit + 1)
    more = cursor_of(found[limit - 1].id) if len(found) > limit else None
    return {"jobs": [as_json(job) for job in found[:limit]], "next": more}


async def _events(call: Call, job: Job) -> Response:
    seen = _seen(call)

    async def after(seq: int) -> Any:
        return await call.graph.jobs.events(job.id, seq)

    if job.state in TERMINAL and not await after(seen):
        return Response(status_code=204)  # which tells an EventSource that it need not come back
    return EventStream(seen, after, call.service.streams, lasting_s(call.left_s))


def _seen(call: Call) -> int:
    given = call.request.headers.get("Last-Event-ID", "0")
    if not re.fullmatch(SEQ, given):
        misfit = FieldError("Last-Event-ID", shown(given), "the id of an event")
        raise InvalidInput("no event has such an id", [misfit])
    return int(given)


def _key(call: Call) -> str | None:
    given = call.request.headers.get("Idempotency-Key")
    if given is not None and not re.fullmatch(KEY, given):
        misfit = FieldError("Idempotency-Key", shown(given), "1 to 200 visible ASCII characters")
        raise InvalidInput("the key cannot be used", [misfit])
    return given


async def _no_members(call: Call) -> None:
    if (body := await call.optional_json()) != {}:
        raise InvalidInput("this takes no body", [FieldError("body", shown(body), "nothing, or {}")])


async def only_read() -> Response:
    """Else a POST to what is only read would be taken for a use case of that name."""
    raise HTTPException(405, "Method Not Allowed", {"Allow": "GET"})
