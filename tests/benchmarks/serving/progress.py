"""What a person sees meanwhile."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from tests.benchmarks.serving.found import Found


class Shown:
    """A bar of all that is to be found out, and a line for what was; without a terminal only the lines."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(),
                   TimeRemainingColumn())  # fmt: skip
        self._progress = Progress(*columns, console=Console(soft_wrap=True))
        self._task = self._progress.add_task("", total=None)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._progress.stop()

    def say(self, what: str) -> None:
        self._progress.update(self._task, description=what)

    def expect(self, total: int) -> None:
        self._progress.update(self._task, total=total)

    def done(self, found: Found) -> None:
        self._progress.advance(self._task)
        said = found.failed or ", ".join(f"{name} {value:,.4g}" for name, value in found.figures.items())
        self._progress.console.print(f"{found.round} {found.system:<22} {found.case:<12} {said}", highlight=False)
