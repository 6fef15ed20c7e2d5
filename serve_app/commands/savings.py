"""``understudy savings``: the bill of a period, from one that runs, as a table or a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer

from serve_app.commands.token import Token, shown

Json = Mapping[str, Any]


class By(StrEnum):
    day = "day"


def savings(
    use_case: Annotated[str | None, typer.Option(help="One use case; all of them otherwise.")] = None,
    since: Annotated[str, typer.Option(help="7d, 24h, a day, or a day and time.")] = "7d",
    until: Annotated[str | None, typer.Option(help="As since; until now otherwise.")] = None,
    by: Annotated[By | None, typer.Option(help="Each day by itself, besides the whole.")] = None,
    plot: Annotated[Path | None, typer.Option(help="A PNG to draw, by day.")] = None,
    url: Annotated[str, typer.Option(help="Where Understudy answers.")] = "http://127.0.0.1:8000",
    token: Token = None,
) -> None:
    """What the teacher cost and what was saved against always asking it, and how good the answers were."""
    asked = {"use_case": use_case, "since": since, "until": until, "by": "day" if by or plot else None}
    told = _asked(url, {name: value for name, value in asked.items() if value is not None}, shown(token))
    for each in told["use_cases"]:
        _print(each, told, by is not None)
    if plot is not None:
        _draw(told["use_cases"], plot)
        print(f"✓ {plot}")


def _asked(url: str, params: dict[str, str], headers: dict[str, str]) -> Json:
    import httpx

    from serve_app.core.errors import Unavailable

    try:
        answer = httpx.get(f"{url.rstrip('/')}/api/v1/ops/savings", params=params, headers=headers, timeout=120)
        told: Json = answer.json()
    except (httpx.HTTPError, ValueError) as error:
        raise Unavailable(f"{url} does not answer: {error}") from None
    if answer.status_code != 200:
        misfits = "".join(f"; {each['field']}: expected {each['expected']}" for each in told.get("errors", ()))
        raise Unavailable(f"{told['code']}: {told['detail']}{misfits}")
    return told


def _print(told: Json, period: Json, by_day: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    title = f"{told['use_case']}, {period['since'][:16]} to {period['until'][:16]} (UTC)"
    table = Table(title=title, title_justify="left", caption=_price(told["price"]), caption_justify="left")
    table.add_column("")
    for name in ("requests", "LLM calls", "by student", "by cache", "by budget", "spent", "saved"):
        table.add_column(name, justify="right")
    for name in ("agreement", "accuracy"):
        table.add_column(name)
    for day in told["days"] if by_day else ():
        table.add_row(*_row(day["day"], day))
    if by_day:
        table.add_section()
    table.add_row(*_row("all", told["whole"]))
    table.add_section()
    for name, each in told["whole"]["classes"].items():
        quality = (estimate(each["agreement"]), estimate(each["accuracy"]))
        table.add_row(f"  {name}", f"{each['requests']:,}", "", "", "", "", "", "", *quality)
    console = Console()
    console.print(table, markup=False)
    for name in ("agreement", "accuracy"):
        reason = told["whole"][name]["reason"]
        if reason:
            console.print(f"  - {name}: {reason}", markup=False, highlight=False)


def _row(name: str, bill: Json) -> Sequence[str]:
    saved = bill["saved_usd"]["total"]
    share = f" ({saved / bill['always_usd']:.0%})" if saved is not None and bill["always_usd"] else ""
    return (
        name,
        f"{bill['requests']:,}",
        f"{bill['calls']['made']:,}",
        *(f"{bill['avoided'][way]:,}" for way in ("student", "cache", "budget")),
        dollars(bill["spent_usd"]),
        dollars(saved) + share,
        estimate(bill["agreement"]),
        estimate(bill["accuracy"]),
    )


def dollars(usd: float | None) -> str:
    if usd is None:
        return "?"
    return f"${usd:,.2f}" if usd >= 10 or usd == 0 else f"${usd:.4f}"


def estimate(told: Json) -> str:
    """A share in per cent with its interval and the rows it rests on; only the bounds where there is too little."""
    if told["low"] is None:
        return "no rows"
    bounds = f"{told['low'] * 100:.1f}–{told['high'] * 100:.1f}"
    figure = "?" if told["value"] is None else f"{told['value'] * 100:.1f}"
    return f"{figure} [{bounds}] of {told['rows']:,}"


def _price(price: Json) -> str:
    match price["on"]:
        case "calls":
            return f"a call: {dollars(price['usd'])}, the mean of {price['calls']:,} calls of the period"
        case "estimate":
            return f"a call: {dollars(price['usd'])}, by the provider's prices: none was made in the period"
    return "nobody knows what a call costs: none was made in the period"


def _draw(use_cases: Sequence[Json], file: Path) -> None:
    """Requests a day by who answered, and the money, one column a use case."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(2, len(use_cases) or 1, figsize=(5 * max(len(use_cases), 1), 7), squeeze=False)
    for column, told in enumerate(use_cases):
        _draw_one(axes[0][column], axes[1][column], told)
    figure.tight_layout()
    figure.savefig(file, dpi=120)
    pyplot.close(figure)


def _draw_one(calls: Any, money: Any, told: Json) -> None:
    days = [day["day"] for day in told["days"]]
    base = [0] * len(days)
    parts = {"LLM": [day["calls"]["made"] for day in told["days"]]}
    parts |= {way: [day["avoided"][way] for day in told["days"]] for way in ("student", "cache", "budget")}
    for name, counts in parts.items():
        calls.bar(days, counts, bottom=base, label=name)
        base = [below + count for below, count in zip(base, counts, strict=True)]
    calls.set_title(told["use_case"])
    calls.set_ylabel("requests")
    money.plot(days, [day["spent_usd"] for day in told["days"]], marker="o", label="spent")
    money.plot(days, [day["always_usd"] or 0 for day in told["days"]], marker="o", label="always the LLM")
    money.set_ylabel("US dollars a day")
    for axis in (calls, money):
        axis.legend()
        axis.tick_params(axis="x", rotation=60)
