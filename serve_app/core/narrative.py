"""An explanation in words. The template names only real contributions; an LLM, where there is one,
is given the same facts and nothing else."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

KNOWN = ("label", "score", "confidence", "value", "action", "contributions")


def facts(answer: Mapping[str, Any], contributions: Sequence[Mapping[str, Any]], top: int = 3) -> dict[str, Any]:
    """What may be said: the verdict, the action, and the features that moved the score most."""
    verdict = answer["prediction"]
    return {
        **{name: verdict[name] for name in ("label", "confidence", "score", "value") if verdict.get(name) is not None},
        "action": answer["decision"]["action"],
        "contributions": list(contributions[:top]),
    }


def fill(template: str, known: Mapping[str, Any]) -> str:
    """The template with the facts in it; what is not known reads "n/a"."""
    words = {name: _number(known.get(name)) for name in KNOWN}
    words["contributions"] = (
        ", ".join(_phrase(each) for each in known.get("contributions", ())) or "nothing in particular"
    )
    return template.format(**words)


def unknown_names(template: str) -> list[str]:
    """Placeholders that no fact fills, for the configuration check."""
    return [name for _, name, _, _ in Formatter().parse(template) if name is not None and name not in KNOWN]


def _phrase(contribution: Mapping[str, Any]) -> str:
    way = "raises" if contribution["contribution"] > 0 else "lowers"
    terms = contribution.get("terms")
    value = f"“{', '.join(terms)}”" if terms else _number(contribution["value"])
    return f"{contribution['feature']} ({value}) {way} it by {abs(contribution['contribution']):.2f}"


def _number(value: Any) -> str:
    if value is None:
        return "n/a"
    return f"{value:.2f}" if isinstance(value, float) else str(value)
