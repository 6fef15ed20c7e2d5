"""``understudy replay``: a sample of what was answered, made again over the API of one that runs."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any
from urllib.parse import quote

import typer

from serve_app.commands.token import Token, shown

PAGE = 200
SECONDS = {"m": 60, "h": 3600, "d": 86_400, "w": 604_800}
Client = Any


def replay(
    since: Annotated[str, typer.Option(help="How far back: 30m, 24h, 7d, 2w.")] = "7d",
    use_case: Annotated[str | None, typer.Option(help="One use case; all of them otherwise.")] = None,
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="Predictions of each use case.")] = 100,
    url: Annotated[str, typer.Option(help="Where Understudy answers.")] = "http://127.0.0.1:8000",
    token: Token = None,
) -> None:
    """Make a sample of decisions again, each from its log. Exits with 1 when one comes out otherwise, or can
    no longer be made."""
    import httpx

    from serve_app.core.errors import Unavailable

    moment = datetime.now(UTC) - _span(since)
    try:
        with httpx.Client(base_url=url, timeout=120, headers=shown(token)) as client:
            bad = sum(_use_case(client, name, moment, sample) for name in _names(client, use_case))
    except httpx.HTTPError as error:
        raise Unavailable(f"{url} does not answer: {error}") from None
    raise typer.Exit(1 if bad else 0)


def _use_case(client: Client, name: str, since: datetime, sample: int) -> int:
    """How many differ or could not be made again; the first of them is shown."""
    told = [(each, _replayed(client, each)) for each in _sampled(client, name, since, sample)]
    bad = [(each, why) for each, why in told if why is not None]
    print(f"{'✗' if bad else '✓'} {name}: {len(told) - len(bad)} of {len(told)} came out bit for bit")
    if bad:
        print(f"  {bad[0][0]}: {bad[0][1]}")
    return len(bad)


def _replayed(client: Client, prediction_id: str) -> str | None:
    """None for a match, else what differs."""
    answer = client.post(f"/api/v1/predictions/{quote(prediction_id, safe='')}/replay")
    told = answer.json()
    if answer.status_code != 200:
        return f"{told['code']}: {told['detail']}"
    found = told["first_difference"]
    if found is None:
        return None
    return f"{found['path']}: recorded {_shown(found['recorded'])}, replayed {_shown(found['replayed'])}"


def _sampled(client: Client, name: str, since: datetime, sample: int) -> list[str]:
    """Drawn over the whole time, a page a call."""
    found: dict[str, None] = {}
    for ids in _drawn(client, name, since, sample):
        before = len(found)
        found |= dict.fromkeys(ids)
        if len(ids) < min(PAGE, sample) or len(found) == before or len(found) >= sample:
            break
    return list(found)[:sample]


def _drawn(client: Client, name: str, since: datetime, sample: int) -> Iterator[list[str]]:
    asked = {"use_case": name, "since": since.isoformat(), "limit": str(min(PAGE, sample))}
    while True:
        answer = client.get("/api/v1/ops/sample", params=asked)
        _refused(answer)
        yield answer.json()["ids"]


def _names(client: Client, use_case: str | None) -> list[str]:
    if use_case is not None:
        return [use_case]
    answer = client.get("/api/v1/use_cases")
    _refused(answer)
    return [each["name"] for each in answer.json()["use_cases"]]


def _refused(answer: Any) -> None:
    from serve_app.core.errors import Unavailable

    if answer.status_code != 200:
        raise Unavailable(f"{answer.json()['code']}: {answer.json()['detail']}")


def _span(text: str) -> timedelta:
    if not (found := re.fullmatch(r"([1-9][0-9]{0,4})([mhdw])", text)):
        raise typer.BadParameter(f"{text!r} is no time; expected such as 30m, 24h, 7d or 2w", param_hint="--since")
    return timedelta(seconds=int(found[1]) * SECONDS[found[2]])


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)[:200]
