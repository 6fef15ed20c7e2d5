"""What the API may ask of the learning half: jobs, model versions, and what is looked at in operation.

``by`` is whoever asks, for the audit log. All raise StoreUnavailable when the store is away.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Protocol

from serve_app.core.alerts import Place
from serve_app.core.audit import Audited, AuditFilter, Head
from serve_app.core.caller import Caller, Role
from serve_app.core.jobs import Accepted, Job, JobEvent, JobFilter, Kind, Report
from serve_app.core.ports import Version


class JobDesk(Protocol):
    async def accept(self, kind: Kind, use_case: str, body: Any, by: str, key: str | None) -> Accepted:
        """Raises InvalidInput for a body that does not fit, JobRunning, OtherBody."""

    async def job(self, job_id: str) -> Job:
        """Raises UnknownJob."""

    async def page(self, which: JobFilter, before: str | None, limit: int) -> list[Job]:
        """Newest first."""

    async def cancel(self, job_id: str, by: str) -> Job:
        """Raises UnknownJob, TooLate."""

    async def events(self, job_id: str, after: int) -> list[JobEvent]:
        """In order, from after ``seq`` on. Raises UnknownJob."""


class VersionDesk(Protocol):
    """Raises RegistryUnavailable when the registry is away."""

    async def all(self, use_case: str) -> list[Version]:
        """Newest first."""

    async def metrics(self, use_case: str) -> dict[str, Any]:
        """The champion's metrics, the gate's last ruling, and what there is to learn from."""

    async def promote(self, use_case: str, version: str, by: str, reason: str) -> dict[str, Any]:
        """Raises PromotionRefused (nothing changed anywhere), NotFound."""

    async def rollback(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        """To the version before. Raises PromotionRefused, NotFound."""

    async def best(self, use_case: str, by: str, reason: str) -> dict[str, Any]:
        """The best version by its gold score, through the gate. Raises Unavailable when the pipelines do
        not run."""

    async def shadow(self, use_case: str) -> dict[str, Any]:
        """The waiting challenger beside the champion."""

    async def reload(self, use_case: str | None) -> dict[str, dict[str, Any]]:
        """By use case, for one or for all: re-reads the alias. Raises Unavailable, naming those that failed;
        their present models stay."""


class ReplayDesk(Protocol):
    async def replay(self, prediction_id: str) -> dict[str, Any]:
        """The decision made again: ``core.replay.Replayed`` as JSON. Raises UnknownPrediction, and
        NotReplayable where the model, its schema or the policy are no longer to be had."""

    async def sample(self, use_case: str, since: datetime, limit: int) -> list[str]:
        """Ids of predictions since a moment, chosen at random over that time; all of them when there are no
        more than ``limit``."""


class CertificateDesk(Protocol):
    """Raises RegistryUnavailable; BadBundle for a champion whose certificate cannot be read."""

    async def all(self, use_case: str | None) -> list[dict[str, Any]]:
        """``core.certified.shown`` of one use case, or of all whose cascade is certified."""

    async def override(self, use_case: str, body: Any, by: str) -> dict[str, Any]:
        """Raises InvalidInput, NotFound without a champion, Conflict for a cascade that is not certified."""

    async def end_override(self, use_case: str, by: str) -> dict[str, Any]:
        """Nothing happens when there is none. Raises NotFound, Conflict."""


class ReviewDesk(Protocol):
    async def queue(self, use_case: str, by: str, limit: int) -> list[dict[str, Any]]:
        """Rows for ``by``, the one that wants a person most first; theirs until ``leased_until``."""

    async def review(self, prediction_id: str, by: str, said: str | float | None, note: str | None) -> dict[str, Any]:
        """Keeps what they said, None for a skip. Raises UnknownPrediction, LeasedElsewhere, or InvalidInput for
        a label outside the target."""

    async def agreement(self, use_case: str) -> dict[str, Any]:
        """``core.review.agreement`` over all that was reviewed."""


class SavingsDesk(Protocol):
    async def savings(self, use_case: str | None, since: datetime, until: datetime, by_day: bool) -> dict[str, Any]:
        """Of one use case or of all. Raises InvalidInput for a period too long to be read in time."""

    async def what_if(self, body: Any) -> dict[str, Any]:
        """A past period under another policy. Raises InvalidInput, UnknownUseCase."""


class OpsDesk(Protocol):
    async def schedules(self, use_case: str) -> list[dict[str, Any]]: ...

    async def switch(self, use_case: str, enabled: bool, by: str, reason: str | None) -> None:
        """Turns the schedules of a use case on or off."""

    async def budget(self, use_case: str | None, user: str | None) -> list[dict[str, Any]]:
        """The limits of one use case or of all, with what is spent; those of ``user`` among them. Raises
        UnknownUseCase."""

    async def drift(self, use_case: str) -> Report | None: ...

    async def scores(self, use_case: str, limit: int) -> list[Report]:
        """Batch runs, newest first."""

    async def alerts(self, use_case: str | None, after: Place | None, limit: int) -> list[tuple[Place, dict[str, Any]]]:
        """Of the newest batch runs and of certificates that were withdrawn, with the place of each."""

    async def audit(self, which: AuditFilter, before: int | None, limit: int) -> list[Audited]:
        """Newest first."""

    async def audit_head(self) -> Head: ...


class IdentityDesk(Protocol):
    """Who asks, where somebody is asked who they are. What is shown of a user holds no password, of a key no key."""

    async def caller(self, shown: str, address: str) -> Caller:
        """Whoever shows this token or key. Raises NotSignedIn and its kind."""

    async def login(self, name: str, password: str, address: str) -> dict[str, Any]:
        """Tokens. Raises LoginRefused, LoginLocked, Overloaded."""

    async def refresh(self, token: str, address: str) -> dict[str, Any]:
        """New tokens for the refresh token, which is good once. Raises BadToken, TokenExpired, UserDisabled."""

    async def logout(self, caller: Caller) -> None:
        """Raises NoSession."""

    async def me(self, caller: Caller) -> dict[str, Any]: ...

    async def users(self) -> list[dict[str, Any]]: ...

    async def add_user(self, name: str, password: str, role: Role, email: str | None, by: str) -> dict[str, Any]:
        """Raises NameTaken, and InvalidInput for a name or a password that is not taken."""

    async def change_user(
        self, name: str, enabled: bool | None, role: Role | None, password: str | None, by: str
    ) -> dict[str, Any]:
        """Raises UnknownUser, LastAdmin, InvalidInput."""

    async def keys(self) -> list[dict[str, Any]]:
        """Newest first."""

    async def add_key(
        self, name: str, role: Role, use_cases: list[str] | None, days: int | None, by: str
    ) -> dict[str, Any]:
        """With the key itself, this once. Raises InvalidInput."""

    async def revoke_key(self, key_id: str, by: str) -> dict[str, Any]:
        """Raises UnknownApiKey."""
