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


class _Trees(Config):
    """``params`` go to the library as they are, over the project's defaults. ``bags`` students are grown,
    each stopped early on the share of the rows that it does not see; their mean answers."""

    rounds: PositiveInt = 300
    early_stopping_rounds: PositiveInt = 30
    bags: Annotated[int, Field(ge=2, le=20)] = 5
    params: dict[str, float | int | str | bool] = {}
    text: TextFeatures = TextFeatures()
    calibration: Literal["auto", "temperature", "vector", "isotonic", "none"] = "auto"
    seed: int = 7


class LightGBM(_Trees):
    """Trees of LightGBM: what every installation has."""

    kind: Literal["lightgbm"]


class XGBoost(_Trees):
    """Trees of XGBoost: needs the extra ``xgboost``."""

    kind: Literal["xgboost"]


Student = Annotated[LightGBM | XGBoost, Field(discriminator="kind")]


Dollars = Annotated[float, Field(ge=0)]
Region = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


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


WhenShort = Literal["student", "review"]


class Budget(Config):
    """What the teacher may cost, in US dollars: of the use case a day and a month, and of one user a day (None:
    no limit), days and months in UTC. When money is short, what is worth most goes first: ``value`` of a
    row's class (1 where a class is not named) times the chance that the student is wrong. For the rest
    ``when_short`` says whether the student answers (degraded), or nobody does and a person reviews it."""

    per_day_usd: Dollars | None = None
    per_month_usd: Dollars | None = None
    per_user_day_usd: Dollars | None = None
    when_short: WhenShort = "student"
    value: dict[str, Annotated[float, Field(gt=0)]] = {}


class AnswerCache(Config):
    """The teacher's answers kept for ``keep_s`` seconds, for the same redacted text under the same prompt,
    model and schema; 0: none is kept."""

    keep_s: Annotated[int, Field(ge=0)] = 0


class Redaction(Config):
    """What is taken out of texts before anything is done with them: none of it reaches the student, an LLM,
    the cache, the log or the registry. ``fields``: which text fields (None: every one). ``regions``: as which
    countries write phone numbers, the likeliest first; with a country's code any number is found."""

    names: bool = True
    emails: bool = True
    phones: bool = True
    cards: bool = True
    national_ids: bool = True
    regions: Annotated[tuple[Region, ...], Field(min_length=1)] = ("ID", "US", "GB")
    fields: tuple[str, ...] | None = None


class Review(Config):
    """The queue of rows for people, out of the newest ``window`` predictions. A row is in one person's hands
    for ``lease_s`` seconds; ``double_share`` of the rows are shown to two, to see how well people agree."""

    window: Annotated[int, Field(ge=1, le=20_000)] = 2000
    lease_s: PositiveInt = 900
    double_share: Share = 0.1


class Labelled(Config):
    """Labelled rows that come with the use case: a CSV or Parquet ``file``, relative to its folder,
    with a column for every field and one for the target."""

    file: str | None = None


class FileSource(Config):
    """CSV or Parquet: ``path`` is relative to the use case's folder, and may hold ``*``. ``columns``
    renames: ours -> the file's."""

    kind: Literal["file"]
    name: Name
    path: str
    columns: dict[str, str] = {}


class HttpSource(Config):
    """JSON over HTTP, page by page. ``rows``: the dotted path of the array of records in the answer
    (empty: the answer itself); ``next``: that of the next page's address or cursor, sent as the parameter
    ``cursor``; else ``page`` names a parameter that counts from 1 until a page is empty. ``since`` names
    the parameter that carries the first day (ISO) of ``days``. The key stands in the environment
    variable ``key_env`` and is sent in ``key_header``, behind ``key_prefix``."""

    kind: Literal["http"]
    name: Name
    url: Annotated[str, StringConstraints(pattern=r"^https?://")]
    params: dict[str, str] = {}
    rows: str = ""
    next: str | None = None
    cursor: str = "cursor"
    page: str | None = None
    since: str | None = None
    days: PositiveInt = 7
    key_env: str | None = None
    key_header: str = "Authorization"
    key_prefix: str = "Bearer "
    columns: dict[str, str] = {}
    timeout_s: Annotated[float, Field(gt=0)] = 20.0
    retries: Annotated[int, Field(ge=0, le=10)] = 3
    max_pages: PositiveInt = 1000


Source = Annotated[FileSource | HttpSource, Field(discriminator="kind")]


class Gate(Config):
    """What a challenger must hold on gold to be promoted. Margins are shares unless said otherwise.

    ``min_gold``: with fewer rows only a person can promote; ``min_class``: classes with fewer gold rows
    are not judged alone. ``macro_f1``: how much worse the lower bound (``confidence``, of ``resamples``
    bootstrap samples of the paired difference) may be; ``class_recall``: what no class may lose;
    ``ece``: the most calibration error; ``overconfidence``: mean confidence less accuracy; ``optimism``:
    how much better on its own held-out rows than on gold; all three and what a teacher's own errors add
    (``teacher.reliability``). Numbers: ``pinball`` is relative to the
    champion's loss, ``coverage`` the most that the interval may miss its aim by."""

    min_gold: PositiveInt = 100
    min_class: PositiveInt = 10
    macro_f1: Share = 0.02
    class_recall: Share = 0.15
    ece: Share = 0.1
    overconfidence: Share = 0.1
    optimism: Share = 0.1
    pinball: Share = 0.05
    coverage: Share = 0.1
    confidence: Annotated[float, Field(gt=0.5, lt=1)] = 0.95
    resamples: Annotated[int, Field(ge=100, le=20_000)] = 1000


class Drift(Config):
    """Looked at every ``every_s`` seconds over the newest ``window`` predictions, once there are
    ``least`` of them. ``psi``: the population stability index, of any feature or of the score, above
    which a retrain starts; ``adwin_delta``: the confidence of ADWIN on the rate at which student and
    teacher disagree (Bifet and Gavaldà 2007). ``retrain: false`` only shows the figures;
    ``pause_s``: the least time between two retrains that drift starts."""

    retrain: bool = True
    every_s: PositiveInt = 300
    window: PositiveInt = 2000
    least: PositiveInt = 500
    psi: Annotated[float, Field(gt=0)] = 0.25
    adwin_delta: Annotated[float, Field(gt=0, lt=1)] = 0.002
    pause_s: PositiveInt = 86_400


class Retraining(Config):
    """When a retrain starts, what it needs, and who lets its student in.

    ``schedule`` is cron in ``timezone``; ``new_labels`` counts rows that a person or the teacher answered
    since the last retrain. Gold, which judges and is never learned from, is ``gold_share`` of the rows
    but no more than ``gold_most``. ``rows_in_memory``: beyond it each bag learns from a sample of its own
    of that many rows. ``bad_share``: a run with more rows that cannot be used refuses. ``retries`` of a
    step, ``back_off_s`` before the first (doubled each time). ``promote: person`` leaves a challenger that
    passed the gate to a person; ``shadow``: the share of live rows that a waiting challenger answers too,
    never served. ``families`` are trained beside ``student``, and the best of them is the challenger."""

    schedule: str | None = None
    timezone: str = "UTC"
    enabled: bool = True
    min_rows: PositiveInt = 200
    new_labels: PositiveInt | None = None
    drift: Drift = Drift()
    sources: tuple[Source, ...] = ()
    bad_share: Share = 0.2
    gold_share: Annotated[float, Field(gt=0, lt=1)] = 0.2
    gold_most: PositiveInt = 2000
    gate: Gate = Gate()
    promote: Literal["gate", "person"] = "gate"
    shadow: Share = 0.0
    families: tuple[Student, ...] = ()
    num_workers: PositiveInt = 1
    rows_in_memory: PositiveInt = 1_000_000
    deadline_s: PositiveInt = 1800
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    back_off_s: Annotated[float, Field(ge=0)] = 5.0

    @model_validator(mode="after")
    def _distinct(self) -> Self:
        if len({source.name for source in self.sources}) < len(self.sources):
            raise ValueError("sources must have distinct names")
        return self


class Scoring(Config):
    """The table that a schedule scores with the champion: ``path`` relative to the use case's folder, or
    a URI. ``key``: the field by which a row is known again the week after; ``alert``: actions that count
    as an alert."""

    path: str | None = None
    schedule: str | None = None
    timezone: str = "UTC"
    key: str | None = None
    alert: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _something(self) -> Self:
        if self.schedule is not None and self.path is None:
            raise ValueError("schedule needs a path to score")
        return self


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
    budget: Budget = Budget()
    cache: AnswerCache = AnswerCache()
    redaction: Redaction | None = None
    review: Review = Review()
    cascade: Cascade
    decision: Decision
    labelled: Labelled = Labelled()
    retraining: Retraining = Retraining()
    scoring: Scoring = Scoring()
    narrative: Narrative | None = None
    routes: tuple[Route, ...] = ()

    def features(self) -> dict[str, Any]:
        """Field by name of all that the student sees, in the order it sees them."""
        table = self.feature_table.columns if self.feature_table else {}
        every = {**self.fields, **table}
        return {n: f for n, f in every.items() if f.purpose == "feature" and f.kind != "id"}
