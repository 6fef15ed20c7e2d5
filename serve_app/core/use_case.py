"""A use case, as its folder in ``configs/use_cases/`` describes it.

Everything that differs between triaging tickets and pricing cards stands here as data. No Python
anywhere names a use case.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import Field, PositiveInt, StringConstraints, model_validator

from serve_app.core.cascade import Cascade
from serve_app.core.config import Config
from serve_app.core.decision import Decision

Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
RoutePath = Annotated[str, StringConstraints(pattern=r"^(/[a-zA-Z0-9_\-]+)+$")]
Share = Annotated[float, Field(ge=0, le=1)]

Purpose = Literal["feature", "decision", "key"]


class _Field(Config):
    """``purpose``: a *feature* reaches the student, a *decision* value only the decision policy, a
    *key* only finds the row of the feature table."""

    required: bool = True
    purpose: Purpose = "feature"
    description: str = ""


class NumericField(_Field):
    kind: Literal["numeric"]
    minimum: float | None = None
    maximum: float | None = None
    integer: bool = False
    default: float | None = None
    example: float | None = None


class CategoricalField(_Field):
    """``values``: the allowed ones; empty allows any string and lets the student learn those it saw."""

    kind: Literal["categorical"]
    values: tuple[str, ...] = ()
    max_length: PositiveInt = 200
    default: str | None = None
    example: str | None = None


class TextField(_Field):
    kind: Literal["text"]
    max_length: PositiveInt = 10_000
    default: str | None = None
    example: str | None = None


class DateField(_Field):
    """ISO ``YYYY-MM-DD``."""

    kind: Literal["date"]
    minimum: str | None = None
    maximum: str | None = None
    default: str | None = None
    example: str | None = None


class IdField(_Field):
    """Identifies the row; never reaches the student."""

    kind: Literal["id"]
    max_length: PositiveInt = 200
    default: str | None = None
    example: str | None = None


InputField = Annotated[NumericField | CategoricalField | TextField | DateField | IdField, Field(discriminator="kind")]


class Classification(Config):
    """``column`` is the label's name in labelled files. ``positive`` names the class whose
    probability is the score of a two-class use case."""

    kind: Literal["classification"]
    column: str
    classes: Annotated[tuple[str, ...], Field(min_length=2)]
    positive: str | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.classes)) != len(self.classes):
            raise ValueError("classes must be distinct")
        if self.positive is not None and self.positive not in self.classes:
            raise ValueError(f"positive must be one of the classes: {', '.join(self.classes)}")
        return self


class Regression(Config):
    """``interval`` is the share of true values the prediction interval is meant to hold.

    ``scale: log`` trains on log values (prices); ``relative_to`` names a feature that the student
    predicts the ratio to, so that trees need not learn the level of every item."""

    kind: Literal["regression"]
    column: str
    unit: str = ""
    interval: Annotated[float, Field(gt=0, lt=1)] = 0.8
    scale: Literal["linear", "log"] = "linear"
    relative_to: str | None = None


Target = Annotated[Classification | Regression, Field(discriminator="kind")]


class PanelMaker(Config):
    """Features of a panel (items x days) of sparse prices: lags, moving statistics, ranks, each of
    day d from values up to d only."""

    kind: Literal["panel"]
    source: str
    item: str
    day: str
    value: str
    horizon_days: PositiveInt = 7


class FeatureTable(Config):
    """A table that the pipeline materialises, point-in-time correct, joined at prediction time.

    ``file`` is relative to the use case's state folder; ``maker`` names how it is made from raw
    data (see ``pipelines/``); ``keys`` are input fields; ``columns`` are what it adds to a row."""

    file: str
    keys: Annotated[tuple[str, ...], Field(min_length=1)]
    columns: dict[str, InputField]
    maker: PanelMaker


class TextFeatures(Config):
    """How text becomes dense numbers: out-of-fold scores of a linear model on TF-IDF, and a
    truncated SVD of the same.

    n-grams of characters pay on short texts and cost most on long ones: a field has them only where
    its texts are up to ``chars_up_to`` characters on average. ``max_terms`` counts words and
    characters each; ``linear_c`` is the linear model's C (the larger, the less it is held back)."""

    word_ngrams: tuple[PositiveInt, PositiveInt] = (1, 2)
    char_ngrams: tuple[PositiveInt, PositiveInt] | None = (3, 4)
    chars_up_to: PositiveInt = 200
    max_terms: PositiveInt = 150_000
    linear_c: Annotated[float, Field(gt=0)] = 0.5
    components: Annotated[int, Field(ge=0)] = 32
    folds: Annotated[int, Field(ge=2, le=20)] = 5


class LightGBM(Config):
    """``params`` go to LightGBM as they are, over the project's defaults. ``bags`` students are grown,
    each stopped early on the share of the rows that it does not see; their mean answers."""

    kind: Literal["lightgbm"]
    rounds: PositiveInt = 300
    early_stopping_rounds: PositiveInt = 30
    bags: Annotated[int, Field(ge=2, le=20)] = 5
    params: dict[str, float | int | str | bool] = {}
    text: TextFeatures = TextFeatures()
    calibration: Literal["auto", "temperature", "vector", "isotonic", "none"] = "auto"
    seed: int = 7


Student = LightGBM


class GeminiProvider(Config):
    """Settings stand in ``platform.yaml`` under ``teacher.gemini``; ``model`` overrides."""

    kind: Literal["gemini"]
    model: str | None = None


class OpenAIProvider(Config):
    kind: Literal["openai"]
    model: str | None = None


class RecordedProvider(Config):
    """Answers looked up in a file of recorded LLM answers (Parquet or CSV): ``key`` columns are
    input fields, ``answer`` the recorded label. Always named as recorded in every answer."""

    kind: Literal["recorded"]
    file: str
    key: Annotated[tuple[str, ...], Field(min_length=1)]
    answer: str = "llm_label"
    model: str = "recorded"
    cost_usd: Annotated[float, Field(ge=0)] = 0.0


class NoProvider(Config):
    kind: Literal["none"]


Provider = Annotated[GeminiProvider | OpenAIProvider | RecordedProvider | NoProvider, Field(discriminator="kind")]


class Teacher(Config):
    """The first of ``providers`` that is usable answers (an LLM without a key is not usable).

    ``reliability`` is how often the teacher is taken to be right: the confidence of an answer of its
    own, and what agreement is combined with."""

    prompt: str = "prompt.md"
    providers: tuple[Provider, ...] = (NoProvider(kind="none"),)
    reliability: Annotated[float, Field(gt=0, lt=1)] = 0.85


class Labelled(Config):
    """Labelled rows that come with the use case: a CSV or Parquet ``file``, relative to its folder,
    with a column for every field and one for the target."""

    file: str | None = None


class Retraining(Config):
    """When a retrain starts and what it needs (cron with a time zone; counts of rows). Gold, which
    judges and is never learned from, is ``gold_share`` of the rows but no more than ``gold_most``."""

    schedule: str | None = None
    timezone: str = "UTC"
    enabled: bool = True
    min_rows: PositiveInt = 200
    new_labels: PositiveInt | None = None
    gold_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    gold_most: PositiveInt = 2000
    num_workers: PositiveInt = 1
    deadline_s: PositiveInt = 1800


class PredictRoute(Config):
    """One instance in, the answer reshaped: ``answer`` maps an output field to a dotted path into
    ``{"input", "features", "answer", "explanation"}``; empty gives the whole answer."""

    kind: Literal["predict"]
    path: RoutePath
    answer: dict[str, str] = {}
    explain: bool = False


class ExplainRoute(Config):
    kind: Literal["explain"]
    path: RoutePath
    answer: dict[str, str] = {}


class DecideRoute(Config):
    """Only the decision policy, over the values in the body: ``inputs`` are its fields."""

    kind: Literal["decide"]
    path: RoutePath
    inputs: dict[str, InputField]
    answer: dict[str, str] = {}


class ValuesRoute(Config):
    """The known values of one key of the feature table, as ``{<answer>: [...], "count": n}``."""

    kind: Literal["values"]
    path: RoutePath
    field: str
    answer: str


Route = Annotated[PredictRoute | ExplainRoute | DecideRoute | ValuesRoute, Field(discriminator="kind")]


class Narrative(Config):
    """The explanation in words: ``prompt`` for an LLM, ``template`` (``str.format`` over
    label, score, action and ``contributions``) when there is none."""

    prompt: str | None = None
    template: str


class UseCase(Config):
    """``configs/use_cases/<name>/use_case.yaml``."""

    name: Name
    title: str
    description: str = ""
    fields: Annotated[dict[str, InputField], Field(min_length=1)]
    feature_table: FeatureTable | None = None
    target: Target
    student: Student
    teacher: Teacher = Teacher()
    cascade: Cascade
    decision: Decision
    labelled: Labelled = Labelled()
    retraining: Retraining = Retraining()
    narrative: Narrative | None = None
    routes: tuple[Route, ...] = ()

    def features(self) -> dict[str, Any]:
        """Field by name of all that the student sees, in the order it sees them."""
        table = self.feature_table.columns if self.feature_table else {}
        every = {**self.fields, **table}
        return {n: f for n, f in every.items() if f.purpose == "feature" and f.kind != "id"}
