"""The registry in MLflow: embedded (a database and a folder), or a tracking server.

One registered model a use case, one run a version: its metrics, and the bundle as its artefacts. A
version is made after its files are in place and with its tags, so whoever sees it can fetch it and
knows its job. Aliases, never stages.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

from serve_app.adapters.bundle_folder import read_folder, write_folder
from serve_app.adapters.mlflow_connection import MlflowConnection
from serve_app.core.bundle import MAX_BYTES, MAX_FILES, check, check_name, digest_of
from serve_app.core.errors import BadBundle, NotFound
from serve_app.core.ports import Bundle, Version

_PLACE = "bundle"
_DIGEST, _METRICS = "digest", "understudy.metrics"
JOB = "job"
"""The tag that names the job which made a version."""

_NUMBER = re.compile(r"[1-9][0-9]{0,8}")
_NO_METRIC_NAME = re.compile(r"[^/\w.\- :]")


class MlflowRegistry:
    """``uri``: ``sqlite:///…``, ``postgresql://…`` or the ``http(s)://…`` of a tracking server, which has
    its own place for files; otherwise they lie under ``artefact_root``.

    Making one imports MLflow (seconds, 160 MB) and reaches nothing; the first call connects, and on
    a new database makes its tables (seconds). Blocks; safe to share between threads."""

    def __init__(self, uri: str, artefact_root: str | Path, max_bytes: int = MAX_BYTES) -> None:
        self._at = MlflowConnection(uri)
        self._root, self._max_bytes = Path(artefact_root), max_bytes

    def register(self, use_case: str, bundle: Bundle, metrics: Mapping[str, float], tags: Mapping[str, str]) -> Version:
        check(bundle, None, self._max_bytes)
        kept = {name: float(value) for name, value in metrics.items() if math.isfinite(value)}
        own = {_DIGEST: digest_of(bundle), _METRICS: json.dumps(kept)}
        with self._at.writer() as client:
            self._ensure_model(client, use_case)
            if there := _of_job(client, use_case, tags.get(JOB)):
                return _version(there)
            run = client.create_run(self._experiment(client, use_case), run_name=use_case)
            self._log(client, run.info.run_id, bundle, kept)
            source = f"{run.info.artifact_uri}/{_PLACE}"
            made = client.create_model_version(use_case, source, run.info.run_id, tags={**tags, **own})
            client.set_terminated(run.info.run_id)
            return _version(self._only_one(client, use_case, made, tags.get(JOB)))

    def set_tags(self, use_case: str, version: str, tags: Mapping[str, str]) -> None:
        self._find(use_case, version)
        with self._at.writer() as client:
            for name, value in tags.items():
                client.set_model_version_tag(use_case, version, name, value)

    def version(self, use_case: str, version: str) -> Version:
        return _version(self._find(use_case, version))

    def versions(self, use_case: str) -> list[Version]:
        with self._at.client() as client:
            model = self._at.or_none(client.get_registered_model, use_case)
            found = [] if model is None else list(_pages(client, use_case))
        named = {} if model is None else model.aliases
        return [
            _version(made, [a for a, number in named.items() if str(number) == str(made.version)]) for made in found
        ]

    def aliased(self, use_case: str, alias: str) -> Version | None:
        with self._at.client() as client:
            made = self._at.or_none(client.get_model_version_by_alias, use_case, alias)
        return None if made is None else _version(made)

    def set_alias(self, use_case: str, alias: str, version: str) -> None:
        self._find(use_case, version)
        with self._at.writer() as client:
            client.set_registered_model_alias(use_case, alias, version)

    def remove_alias(self, use_case: str, alias: str) -> None:
        with self._at.writer() as client:
            self._at.or_none(client.delete_registered_model_alias, use_case, alias)

    def fetch(self, use_case: str, version: str) -> Bundle:
        """Raises BadBundle for files that are not those registered, links, folders, and too many bytes."""
        made = self._find(use_case, version)
        with self._at.client():
            bundle = self._read(str(made.source))
        check(bundle, None, self._max_bytes)
        if digest_of(bundle) != made.tags.get(_DIGEST):
            raise BadBundle(f"{use_case} {version}: these are not the files that were registered")
        return bundle

    def _find(self, use_case: str, version: str) -> Any:
        with self._at.client() as client:
            made = self._at.or_none(client.get_model_version, use_case, version) if _NUMBER.fullmatch(version) else None
        if made is None:
            raise NotFound(f"{use_case} has no model version {version[:40]!r}")
        return made

    def _only_one(self, client: Any, use_case: str, made: Any, job: str | None) -> Any:
        """A server takes two writers at once: of two versions of one job the first one stays."""
        first = _of_job(client, use_case, job) if self._at.is_shared else None
        if first is None or str(first.version) == str(made.version):
            return made
        client.delete_model_version(use_case, made.version)
        return first

    def _ensure_model(self, client: Any, use_case: str) -> None:
        if self._at.or_none(client.get_registered_model, use_case) is None:
            self._at.unless_there(client.create_registered_model, use_case)

    def _experiment(self, client: Any, use_case: str) -> str:
        name = f"understudy/{use_case}"
        if client.get_experiment_by_name(name) is None:
            place = None if self._at.is_server else (self._root / use_case).resolve().as_uri()
            self._at.unless_there(client.create_experiment, name, place)
        return str(client.get_experiment_by_name(name).experiment_id)

    def _log(self, client: Any, run_id: str, bundle: Bundle, metrics: Mapping[str, float]) -> None:
        now = int(datetime.now(UTC).timestamp() * 1000)
        named = {_NO_METRIC_NAME.sub("_", name): value for name, value in metrics.items()}
        entries = [self._at.mlflow.entities.Metric(name, value, now, 0) for name, value in named.items()]
        client.log_batch(run_id, metrics=entries)
        with tempfile.TemporaryDirectory(prefix="register-") as folder:
            write_folder(Path(folder), bundle)
            client.log_artifacts(run_id, folder, _PLACE)

    def _read(self, source: str) -> dict[str, bytes]:
        parts = urlsplit(source)
        if parts.scheme in ("", "file"):  # read in place: a copy would follow links
            return read_folder(Path(url2pathname(parts.path)), self._max_bytes)
        self._check_listing(self._at.mlflow.artifacts.list_artifacts(artifact_uri=source, tracking_uri=self._at.uri))
        with tempfile.TemporaryDirectory(prefix="fetch-") as folder:
            place = self._at.mlflow.artifacts.download_artifacts(
                artifact_uri=source, dst_path=folder, tracking_uri=self._at.uri
            )
            return read_folder(Path(place), self._max_bytes)

    def _check_listing(self, listed: list[Any]) -> None:
        """What the server says it would send, before a byte is asked for."""
        if len(listed) > MAX_FILES or sum(item.file_size or 0 for item in listed) > self._max_bytes:
            raise BadBundle("the bundle is over the limit of files or bytes")
        for item in listed:
            if item.is_dir:
                raise BadBundle(f"{item.path!r} is a folder; a bundle holds plain files only")
            check_name(item.path.removeprefix(f"{_PLACE}/"))


def _pages(client: Any, use_case: str) -> Iterator[Any]:
    token = None
    while True:
        page = client.search_model_versions(
            f"name='{use_case}'", order_by=["version_number DESC"], page_token=token, max_results=1000
        )
        yield from page
        if not (token := page.token):
            return


def _of_job(client: Any, use_case: str, job: str | None) -> Any:
    """The first version that a job made, or None. Compared here, since a filter would quote the job."""
    found = [] if job is None else [made for made in _pages(client, use_case) if made.tags.get(JOB) == job]
    return found[-1] if found else None


def _version(made: Any, aliases: list[str] | None = None) -> Version:
    tags = dict(made.tags)
    digest, metrics = tags.pop(_DIGEST, ""), json.loads(tags.pop(_METRICS, "{}"))
    named = tuple(sorted(made.aliases if aliases is None else aliases))
    at = datetime.fromtimestamp(made.creation_timestamp / 1000, UTC)
    return Version(made.name, str(made.version), digest, named, metrics, tags, at)
