"""The paths of model versions, of whatever moves the champion, and of schedules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from serve_app.api import train
from serve_app.api.openapi_errors import BODY
from serve_app.api.openapi_jobs import AT, FREE, JOB_ID, STAMP, members_schema, of_use_case
from serve_app.api.openapi_parts import (
    NUMBER,
    STRING,
    answered,
    array,
    body_of,
    closed,
    operation_of,
    or_null,
    reading,
    ref,
)
from serve_app.core.ruling import Outcome
from serve_app.core.use_case import UseCase

Json = dict[str, Any]

TAG = "train"
MOVING = (*BODY, "409")
COUNT: Json = {"type": "integer", "minimum": 0}

_GATE = {"outcome": "promote", "reasons": [{"code": "passed", "text": "not worse on 400 gold rows"}], "figures": {}}
_GATE |= {"gold": {"rows": 400, "digest": "sha256:9f86d081"}}
_FIGURES: Json = {"type": "object", "additionalProperties": NUMBER}


def train_schemas() -> Json:
    lineage = {name: or_null(STRING) for name in ("job", "dataset", "since", "until", "parent")}
    version = {
        "use_case": STRING,
        "version": STRING,
        "digest": STRING,
        "aliases": array(STRING),
        "family": or_null(STRING),
        "origin": or_null(STRING),
        "metrics": _FIGURES,
        "candidates": array(FREE),
        "label_mix": or_null(FREE),
        "lineage": closed(lineage),
        "gate": or_null(closed(_gate())),
        "certificate": or_null({"type": "object", "additionalProperties": STRING}),
        "created_at": or_null(STAMP),
    }
    last = closed({"job_id": STRING, "status": STRING, "created_at": STAMP, "finished_at": or_null(STAMP)})
    schedule = {"use_case": STRING, "kind": STRING, "cron": STRING, "timezone": STRING, "enabled": {"type": "boolean"}}
    schedule |= {"next": or_null(STAMP), "last": or_null(last)}
    moved = {"use_case": STRING, "version": STRING, "previous": or_null(STRING), "replicas": COUNT}
    moved |= {"prepared_s": NUMBER, "committed_at": STRING}
    return {
        "Version": closed(version),
        "Moved": closed(moved),
        "Schedules": closed({"schedules": array(closed(schedule))}),
    }


def train_paths(known: Mapping[str, UseCase]) -> Json:
    every = reading("every_version", TAG, "All versions", closed({"models": array(ref("Version"))}), {"models": []})
    paths: Json = {
        "/api/v1/train/models": {"get": every},
        "/api/v1/train/schedules": {"get": reading("every_schedule", TAG, "All schedules", *_schedules("a_use_case"))},
    }
    return {**paths, **_of_one(known)} if known else paths


def _of_one(known: Mapping[str, UseCase]) -> Json:
    first, where = next(iter(known)), {"parameters": [of_use_case(known)]}
    base = "/api/v1/train/{use_case}"
    models = (
        closed({"use_case": STRING, "models": array(ref("Version"))}),
        {"use_case": first, "models": [_version()]},
    )
    drift = closed({"use_case": STRING, "at": or_null(STAMP), "drift": or_null(FREE)})
    return {
        f"{base}/models": {"get": reading("versions", TAG, "The versions of a model", *models, where)},
        "/api/v1/train/metrics/{use_case}": {
            "get": reading("metrics", TAG, "How good the champion is", *_metrics(first), where)
        },
        "/api/v1/train/drift/{use_case}": {
            "get": reading("drift", TAG, "Drift", drift, {"use_case": first, "at": None, "drift": None}, where)
        },
        f"{base}/shadow": {"get": reading("shadow", TAG, "The challenger beside the champion", *_shadow(first), where)},
        f"{base}/schedule": {
            "get": reading("schedule", TAG, "The schedules of a use case", *_schedules(first), where),
            "patch": _switch(first, where),
        },
        **_moving(base, first, where),
    }


def _moving(base: str, first: str, where: Json) -> Json:
    moved = (ref("Moved"), {"use_case": first, **_moved()})
    best = ({**FREE, "required": ["use_case"]}, {"use_case": first, "promoted": True, "version": "3"})
    promote = body_of(
        members_schema(train.PROMOTE, ("version", "reason")), {"version": "3", "reason": "checked by hand"}
    )
    rollback = body_of(members_schema(train.WHY, ("reason",)), {"reason": "it misroutes VPN tickets"})
    fetch = body_of(members_schema(train.WHY), {}, required=False)
    return {
        f"{base}/promote": {"post": _moves("promote", "Make a version the champion", moved, {**where, **promote})},
        f"{base}/rollback": {
            "post": _moves("rollback", "Back to the champion of before", moved, {**where, **rollback})
        },
        f"{base}/fetch-best-model": {
            "post": _moves("fetch_best_model", "The best version by gold, through the gate", best, {**where, **fetch})
        },
    }


def _moves(name: str, words: str, answer: tuple[Json, Json], more: Json) -> Json:
    return operation_of(name, TAG, words, {"200": answered(*answer)}, MOVING, more)


def _switch(first: str, where: Json) -> Json:
    body = body_of(members_schema(train.SWITCH, ("enabled",)), {"enabled": False, "reason": "stocktaking"})
    good = {"200": answered(*_schedules(first))}
    return operation_of("switch_schedule", TAG, "Turn the schedules on or off", good, BODY, {**where, **body})


def _schedules(first: str) -> tuple[Json, Json]:
    shown = {"use_case": first, "kind": "train", "cron": "0 2 * * *", "timezone": "UTC", "enabled": True}
    last = {"job_id": JOB_ID, "status": "COMPLETED", "created_at": AT, "finished_at": AT}
    return ref("Schedules"), {"schedules": [{**shown, "next": AT, "last": last}]}


def _metrics(first: str) -> tuple[Json, Json]:
    labels = closed({"people": COUNT, "teacher": COUNT})
    counts = {"versions": COUNT, "predictions": COUNT, "new_labels": labels, "last_retrain": or_null(STRING)}
    gate = or_null(closed({"version": STRING, **_gate()}))
    schema = {
        "use_case": STRING,
        "champion": or_null(STRING),
        "metrics": _FIGURES,
        "gate": gate,
        "counts": closed(counts),
    }
    new = {"people": 12, "teacher": 340}
    shown = {"versions": 3, "predictions": 20_000, "new_labels": new, "last_retrain": None}
    metrics = {"macro_f1": 0.86, "ece": 0.03}
    example = {
        "use_case": first,
        "champion": "3",
        "metrics": metrics,
        "gate": {"version": "3", **_GATE},
        "counts": shown,
    }
    return closed(schema), example


def _gate() -> Json:
    outcomes = {"type": "string", "enum": list(Outcome.__args__)}
    return {"outcome": outcomes, "reasons": array(FREE), "figures": FREE, "gold": or_null(FREE)}


def _shadow(first: str) -> tuple[Json, Json]:
    figure = closed({"rows": COUNT, "share": or_null(NUMBER), "distance": or_null(NUMBER)}, ("share", "distance"))
    each = closed({"teacher": figure, "people": figure})
    schema = {"use_case": STRING, "champion_version": or_null(STRING), "challenger_version": or_null(STRING)}
    schema |= {"rows": COUNT, "measure": {"type": "string", "enum": ["agreement", "difference"]}, "between": figure}
    told = {"teacher": {"rows": 120, "share": 0.9}, "people": {"rows": 0, "share": None}}
    example = {
        "use_case": first,
        "champion_version": "2",
        "challenger_version": "3",
        "rows": 800,
        "measure": "agreement",
    }
    example |= {"between": {"rows": 800, "share": 0.96}, "champion": told, "challenger": told}
    return closed({**schema, "champion": each, "challenger": each}), example


def _version() -> Json:
    lineage = {"job": JOB_ID, "dataset": "sha256:9f86d081", "since": None, "until": AT, "parent": "2"}
    mix = {"file": 900, "person": 40, "teacher": 60, "panel": 0}
    version = {"use_case": "a_use_case", "version": "3", "digest": "sha256:2c26b46b", "aliases": ["champion"]}
    version |= {"family": "lightgbm", "origin": "retrain", "metrics": {"macro_f1": 0.86}, "label_mix": mix}
    version |= {"candidates": [{"family": "lightgbm", "held_out_loss": 0.41}]}
    return {**version, "lineage": lineage, "gate": _GATE, "certificate": None, "created_at": AT}


def _moved() -> Json:
    return {"version": "3", "previous": "2", "replicas": 2, "prepared_s": 1.4, "committed_at": AT}
