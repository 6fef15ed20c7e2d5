"""``configs/platform.yaml``: where things are kept, who the teacher is, who may ask, how much.

Every key can be set by environment as ``UNDERSTUDY_SECTION__KEY``. This module only says what the
settings are; ``serve_app/adapters/config_files.py`` reads them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, NonNegativeInt, PositiveFloat, PositiveInt, SecretStr
from pydantic_core import PydanticKnownError

from serve_app.core.buckets import Bucket, ZoneName, Zones
from serve_app.core.config import Config
from serve_app.core.origins import Cors, Proxies

Dollars = Annotated[float, Field(ge=0)]


class Store(Config):
    """The event log. ``sqlite:///{state}/events.db`` or a PostgreSQL URL; ``{state}`` is the state
    folder. ``synchronous: full`` survives a power cut, ``normal`` a killed process only (SQLite).
    ``predictions: drop`` writes none down: nothing can be labelled, learned or replayed then.
    ``buffer_mb``: how much each ingress may keep in a journal on its own disk, in the state folder, while the log is
    away; 0: nothing, and then nothing is answered."""

    url: SecretStr = SecretStr("sqlite:///{state}/events.db")
    predictions: Literal["keep", "drop"] = "keep"
    synchronous: Literal["full", "normal"] = "full"
    timeout_s: PositiveFloat = 10.0
    buffer_mb: NonNegativeInt = 0


class Registry(Config):
    """MLflow: a database URL for the embedded one, or the address of a tracking server."""

    uri: SecretStr = SecretStr("sqlite:///{state}/mlflow.db")
    poll_s: PositiveFloat = 5.0


class Artefacts(Config):
    """Where the embedded registry keeps bundles; a tracking server has its own place."""

    root: str = "{state}/artefacts"
    max_bundle_mb: PositiveInt = 512


class Prices(Config):
    """US dollars a million tokens."""

    input: Dollars
    output: Dollars


class Gemini(Config):
    api_key: SecretStr | None = None
    model: str = "gemini-2.5-flash-lite"
    base_url: str | None = None
    prices: Prices = Prices(input=0.10, output=0.40)


class OpenAI(Config):
    """Any OpenAI-compatible endpoint."""

    api_key: SecretStr | None = None
    model: str = "gpt-4o-mini"
    base_url: str = "https://api.openai.com/v1"
    prices: Prices = Prices(input=0.15, output=0.60)


class Breaker(Config):
    """Opens after ``failures`` in a row; lets one call through again after ``reset_s``."""

    failures: PositiveInt = 10
    reset_s: PositiveFloat = 30.0


class Teacher(Config):
    """``deadline_s`` bounds all calls of one request together; rows left over are answered by the
    student as degraded."""

    gemini: Gemini = Gemini()
    openai: OpenAI = OpenAI()
    timeout_s: PositiveFloat = 8.0
    deadline_s: PositiveFloat = 20.0
    concurrency: PositiveInt = 16
    max_output_tokens: PositiveInt = 256
    breaker: Breaker = Breaker()


class Locks(Config):
    """Logins that fail: after ``tries`` for a name from one address, or ``tries_anywhere`` for a name, the next must
    wait ``first_s``, twice as long each time, up to ``longest_s``."""

    tries: PositiveInt = 5
    tries_anywhere: PositiveInt = 100
    first_s: PositiveFloat = 1.0
    longest_s: PositiveFloat = 900.0


SECRET_BYTES = 32


def _long_enough(secret: SecretStr) -> SecretStr:
    if len(secret.get_secret_value().encode()) < SECRET_BYTES:
        raise PydanticKnownError("string_too_short", {"min_length": SECRET_BYTES})
    return secret


Secret = Annotated[SecretStr, AfterValidator(_long_enough)]


class Auth(Config):
    """``local``: no token needed, and only while bound to 127.0.0.1. ``jwt``: every call carries a token or a key.
    ``secret`` signs the tokens, and is the same on every node; None: made on first start, in ``{state}/jwt.secret``.
    ``key_days``: the longest that an API key lives."""

    mode: Literal["local", "jwt"] = "local"
    secret: Secret | None = None
    access_minutes: PositiveFloat = 15.0
    refresh_days: PositiveFloat = 14.0
    key_days: PositiveInt = 365
    locks: Locks = Locks()


class Limits(Config):
    """Of one request, and, by ``zones``, of one caller. ``url``: where the buckets of the zones are kept, empty for
    the memory of each process, or ``redis://…`` where several shall count together. ``trusted_proxies``: addresses
    and networks that may say, in X-Forwarded-For, for whom they ask."""

    max_body_bytes: PositiveInt = 10 * 1024 * 1024
    max_depth: PositiveInt = 32
    max_batch: PositiveInt = 10_000
    max_in_flight: PositiveInt = 512
    request_timeout_s: PositiveFloat = 60.0
    trusted_proxies: Proxies = ("127.0.0.1", "::1")
    url: SecretStr = SecretStr("")
    zones: Zones = Zones()


class Logs(Config):
    """``requests``: the share of them, chosen by chance, that has a line in the log; 0: none."""

    requests: Annotated[float, Field(ge=0, le=1)] = 0.01


class Budget(Config):
    """Where what was spent is counted: empty for the event log's own database, or ``redis://…``,
    which is quicker where many replicas ask at once."""

    url: SecretStr = SecretStr("")


class Data(Config):
    """Where raw and processed tables lie: a folder, or ``s3://bucket/prefix`` (credentials as AWS's own
    tools take them, from the environment). ``s3_endpoint``: another server of the S3 protocol."""

    root: str = "{state}/data"
    s3_endpoint: str | None = None


class Pipelines(Config):
    """Durable workflows. ``url``: SQLite or PostgreSQL; ``tick_s``: seconds between two looks for
    schedules and triggers that are due, and for jobs that nobody has started. ``at_once``: jobs under
    way at a time, of which ``trainings`` train; each of those wants a whole core for each of its workers."""

    url: SecretStr = SecretStr("sqlite:///{state}/pipelines.db")
    tick_s: PositiveFloat = 5.0
    at_once: PositiveInt = 4
    trainings: PositiveInt = 1


Placement = Literal["graph", "near", "fused"]


class Students(Config):
    """``predictor``: who walks the trees of LightGBM's students while they serve: the library, or machine code made
    here, with the same bits (the extra ``compiled``)."""

    predictor: Literal["lightgbm", "compiled"] = "lightgbm"


class Replicas(Config):
    """How many of each part run. ``model``: of each use case's student, where it is a deployment of its own."""

    ingress: PositiveInt = 1
    model: PositiveInt = 1


class Platform(Config):
    """``state`` is the folder that everything embedded is kept in. ``placement``: which parts run inside each
    ingress replica, where they are asked without a hop, instead of being deployments that scale by themselves:
    in a ``graph`` none does, ``near`` are cascade and decision, ``fused`` are the students too."""

    state: str = ".understudy"
    placement: Placement = "graph"
    store: Store = Store()
    budget: Budget = Budget()
    registry: Registry = Registry()
    artefacts: Artefacts = Artefacts()
    data: Data = Data()
    pipelines: Pipelines = Pipelines()
    replicas: Replicas = Replicas()
    students: Students = Students()
    teacher: Teacher = Teacher()
    auth: Auth = Auth()
    limits: Limits = Limits()
    logs: Logs = Logs()
    cors: Cors = Cors()

    @property
    def zones(self) -> dict[ZoneName, Bucket]:
        """Those that are in force."""
        return self.limits.zones.in_force(self.auth.mode)

    @property
    def cascade_apart(self) -> bool:
        return self.placement == "graph"

    @property
    def students_apart(self) -> bool:
        return self.placement != "fused"
