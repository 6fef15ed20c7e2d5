"""What a question may cost at most, by the very prices that its answer is then charged with.

Nobody knows a text's tokens but the provider's own tokeniser. An upper bound: three characters a token for
ASCII (English comes to about four), one token a byte for everything else (no tokeniser that works on bytes
needs more). All of it twice, since a call that failed is tried once more.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass

from serve_app.core.answers import Question
from serve_app.core.platform import Prices
from serve_app.core.prompt import as_data, instructions
from serve_app.core.teacher_reply import cost_usd, reply_schema

ASCII_A_TOKEN = 3
FRAME_TOKENS = 32
"""What a provider puts around the messages of a call."""

ATTEMPTS = 2


@dataclass(frozen=True, slots=True)
class Metered:
    """Paid by the token: an LLM."""

    prices: Prices
    max_output_tokens: int


@dataclass(frozen=True, slots=True)
class Flat:
    """The same for every answer: recorded ones, which may cost nothing; or nobody, who does not."""

    usd: float = 0.0


Tariff = Metered | Flat


def most_usd(tariff: Tariff, question: Question) -> float:
    """The worst that one question can come to, its retry included."""
    if isinstance(tariff, Flat):
        return tariff.usd
    form = json.dumps(reply_schema(question.classes), ensure_ascii=False)
    told = (instructions(question.prompt), as_data(question.fields), form)
    tokens_in = FRAME_TOKENS + sum(most_tokens(text) for text in told)
    return ATTEMPTS * cost_usd(tariff.prices, tokens_in, tariff.max_output_tokens)


def most_tokens(text: str) -> int:
    plain = len(text.encode("ascii", "ignore"))
    return math.ceil(plain / ASCII_A_TOKEN) + len(text.encode("utf-8", "surrogatepass")) - plain
