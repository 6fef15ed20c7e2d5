"""Registered versions that must never serve: most are spoilt on the registry's disk after they were
registered, some were sealed by somebody who knew how, so that every digest holds."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from serve_app.adapters.config_files import load_use_case
from serve_app.core.bundle import GOLDEN, Golden, read_manifest, seal
from serve_app.core.manifest import MANIFEST
from serve_app.core.ports import Bundle, Registry
from serve_app.core.use_case import UseCase

BORN = datetime(2026, 1, 3, tzinfo=UTC)


@dataclass(frozen=True)
class Bench:
    """Where versions are spoilt: ``good`` is a bundle of the use case, ``artefacts`` the registry's folder."""

    registry: Registry
    use_case: UseCase
    good: Bundle
    artefacts: Path

    @classmethod
    def of(cls, registry: Registry, configs: Path, state: Path, name: str) -> Bench:
        champion = registry.aliased(name, "champion")
        assert champion is not None
        use_case = load_use_case(configs / "use_cases" / name)
        return cls(registry, use_case, registry.fetch(name, champion.version), state / "artefacts" / name)

    def register(self, bundle: Bundle) -> str:
        return self.registry.register(self.use_case.name, bundle, {}, {}).version

    def folder(self, age_s: float) -> tuple[str, Path]:
        """A good version registered now, and the folder that its files lie in."""
        before = set(self.artefacts.rglob(MANIFEST))
        version = self.register(resealed(self.use_case, self.good, age_s=age_s))
        (made,) = set(self.artefacts.rglob(MANIFEST)) - before
        return version, made.parent


def resealed(use_case: UseCase, good: Bundle, files: Bundle | None = None, age_s: float = 0, **changes: Any) -> Bundle:
    """``good``, with other ``files``, sealed again: every digest holds, and another ``age_s`` makes another
    digest of the whole."""
    manifest, golden = read_manifest(good), changes.get("golden", Golden.from_json(good[GOLDEN]))
    kept = {name: content for name, content in good.items() if name not in (MANIFEST, GOLDEN)}
    return seal(
        {**kept, **(files or {})},
        family=manifest.family, use_case=use_case, metrics=manifest.metrics, calibration=manifest.calibration,
        data=manifest.data, libraries=manifest.libraries, created_at=BORN + timedelta(seconds=age_s), golden=golden,
    )  # fmt: skip


def trees(bundle: Bundle) -> str:
    return min(name for name in bundle if name.startswith("trees-"))


def flipped(model: bytes) -> bytes:
    """One digit of every tree's first leaf is another: which leaf the golden rows fall into is not known."""

    def other(found: re.Match[bytes]) -> bytes:
        digit = found[2]
        return found[1] + (b"1" if digit != b"1" else b"2")

    return re.sub(rb"(leaf_value=-?\d\.\d)(\d)", other, model)


def truncated(bench: Bench) -> str:
    version, folder = bench.folder(1)
    file = folder / trees(bench.good)
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    return version


def truncated_and_sealed(bench: Bench) -> str:
    name = trees(bench.good)
    return bench.register(resealed(bench.use_case, bench.good, {name: _half(bench.good[name])}, 2))


def digit_flipped(bench: Bench) -> str:
    version, folder = bench.folder(3)
    file = folder / trees(bench.good)
    file.write_bytes(re.sub(rb"(leaf_value=-?\d\.\d)(\d)", lambda m: m[1] + b"%d" % ((int(m[2]) + 1) % 10),
                            file.read_bytes(), count=1))  # fmt: skip
    return version


def digit_flipped_and_sealed(bench: Bench) -> str:
    name = trees(bench.good)
    return bench.register(resealed(bench.use_case, bench.good, {name: flipped(bench.good[name])}, 4))


def wrong_digest(bench: Bench) -> str:
    """Another bundle, good in itself, lies where this one was."""
    version, folder = bench.folder(5)
    for name, content in resealed(bench.use_case, bench.good, age_s=6).items():
        (folder / name).write_bytes(content)
    return version


def wrong_features(bench: Bench) -> str:
    raw = bench.use_case.model_dump(mode="python")
    name = list(bench.use_case.features())[-1]
    raw["fields"][f"{name}_more"] = raw["fields"].pop(name)
    golden = Golden.from_json(bench.good[GOLDEN])
    rows = tuple({key if key != name else f"{name}_more": value for key, value in row.items()} for row in golden.rows)
    other = UseCase.model_validate(raw)
    return bench.register(resealed(other, bench.good, age_s=7, golden=golden.model_copy(update={"rows": rows})))


def wrong_classes(bench: Bench) -> str:
    raw = bench.use_case.model_dump(mode="python")
    raw["target"]["classes"] = (*raw["target"]["classes"], "never_heard_of")
    raw["target"]["positive"] = None
    return bench.register(resealed(UseCase.model_validate(raw), bench.good, age_s=8))


def empty(bench: Bench) -> str:
    version, folder = bench.folder(9)
    for file in folder.iterdir():
        file.unlink()
    return version


def sparse(bench: Bench) -> str:
    version, folder = bench.folder(10)
    with (folder / trees(bench.good)).open("r+b") as file:
        file.truncate(2 << 30)
    return version


def out_of_its_folder(bench: Bench) -> str:
    def climb(manifest: dict[str, Any]) -> None:
        manifest["files"]["../../evil.json"] = manifest["files"].pop("student.json")

    return _other_manifest(bench, 11, climb)


def pickled(bench: Bench) -> str:
    version, folder = bench.folder(12)
    (folder / "model.pkl").write_bytes(b"\x80\x04N.")
    return version


def linked(bench: Bench) -> str:
    version, folder = bench.folder(13)
    file = folder / trees(bench.good)
    file.rename(bench.artefacts / "elsewhere.txt")
    file.symlink_to(bench.artefacts / "elsewhere.txt")
    return version


def newer_format(bench: Bench) -> str:
    return _other_manifest(bench, 14, lambda manifest: manifest.update(format=99))


def other_golden_rows(bench: Bench) -> str:
    golden = Golden.from_json(bench.good[GOLDEN])
    name = "probabilities" if golden.answers.kind == "classes" else "value"
    turned = golden.answers.model_copy(update={name: getattr(golden.answers, name)[::-1]})
    changed = golden.model_copy(update={"answers": turned})
    return bench.register(resealed(bench.use_case, bench.good, age_s=15, golden=changed))


BAD: Mapping[str, tuple[Callable[[Bench], str], str]] = {
    "truncated": (truncated, r"has \d+ bytes, not \d+"),
    "truncated, sealed again": (truncated_and_sealed, "crashed its process"),
    "one digit flipped": (digit_flipped, "has changed: its SHA-256"),
    "digits flipped, sealed again": (digit_flipped_and_sealed, "does not answer as it did when it was made"),
    "wrong digest": (wrong_digest, "not the files that were registered"),
    "wrong features": (wrong_features, "does not know the feature"),
    "wrong classes": (wrong_classes, "the model's classes is"),
    "empty": (empty, "the bundle is empty"),
    "2 GB sparse": (sparse, "over the limit of bytes"),
    "../ in a name": (out_of_its_folder, r"\.\./\.\./evil.json"),
    "a pickle": (pickled, "'model.pkl': only .txt, .json, .npz"),
    "a symlink": (linked, "is a link"),
    "a newer format": (newer_format, "format 99 is newer than 1"),
    "other golden rows": (other_golden_rows, "does not answer as it did when it was made"),
}
"""By name: how it is made (giving its version), and what its refusal says."""


def _half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def _other_manifest(bench: Bench, age_s: float, change: Callable[[dict[str, Any]], Any]) -> str:
    version, folder = bench.folder(age_s)
    manifest = json.loads((folder / MANIFEST).read_bytes())
    change(manifest)
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return version
