"""A report on its way into a file: what it is about, its figures, and the words for both."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from kado import clock
from kado.errors import Invalid
from kado.languages import tell
from kado.languages.say import Say, saying
from kado.programs.program import Program
from kado.reports.business import Line, by_time, total
from kado.reports.measures import FLOWS, Measure
from kado.reports.source import Source
from kado.reports.windows import Granularity, Window

Format = Literal["csv", "excel", "json", "pdf"]

ENDINGS: Final[dict[Format, str]] = {"csv": "csv", "excel": "xlsx", "json": "json", "pdf": "pdf"}
MEDIA: Final[dict[Format, str]] = {
    "csv": "text/csv; charset=utf-8; header=present",
    "excel": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
    "pdf": "application/pdf",
}

_DAYS_MAX: Final = timedelta(days=93)
"""What is longer has a line for each month and not for each day."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything that is in a file. Amounts are minor units of the program's currency."""

    program: Program
    window: Window
    granularity: Granularity
    measures: Sequence[Measure]
    lines: Sequence[Line]
    whole: Line
    has_notice: bool
    made_at: datetime

    @property
    def say(self) -> Say:
        """Words in the program's language."""
        return saying("report", self.program.language)

    @property
    def flows(self) -> list[Measure]:
        """The measures that have a number and an amount."""
        return [one for one in self.measures if one is not Measure.LIABILITY]

    @property
    def shows_liability(self) -> bool:
        """Whether what is owed is in it."""
        return Measure.LIABILITY in self.measures

    def facts(self) -> list[tuple[str, str]]:
        """What it is about, for people."""
        say, zone, language = self.say, self.program.zone, self.program.language
        since, until = (tell.time_of(one, language, zone) for one in (self.window.since, self.window.until))
        return [
            (say("program"), self.program.name),
            (say("period"), say("to", since=since, until=until)),
            (say("zone"), zone.key),
            (say("currency"), self.program.currency.code),
            (say("made"), tell.time_of(self.made_at, language, zone)),
        ]

    def titles(self) -> list[str]:
        """The head of the table, for people."""
        say, titles = self.say, [self.say("from")]
        for measure in self.flows:
            titles += [say("count", measure=say(measure.value)), say("amount", measure=say(measure.value))]
        return [*titles, say("liability")] if self.shows_liability else titles

    def cells(self, line: Line) -> list[int]:
        """The numbers of a line: counts and amounts in turn, in the order of the titles behind the first."""
        found = [number for one in self.flows for number in (line.flows[one].count, line.flows[one].minor)]
        return [*found, line.liability] if self.shows_liability else found

    def is_amount(self, column: int) -> bool:
        """Whether the number in this column of `cells` is an amount."""
        return column % 2 == 1 or column == 2 * len(self.flows)

    def members(self) -> dict[str, Any]:
        """All of it, for programs."""
        body = {
            "programId": self.program.id,
            "program": self.program.name,
            "currency": self.program.currency.code,
            "timeZone": self.program.zone.key,
            "from": clock.text(self.window.since),
            "to": clock.text(self.window.until),
            "generatedAt": clock.text(self.made_at),
            "granularity": self.granularity.value,
            "lines": [self._line(one) for one in self.lines],
            "total": self._line(self.whole),
        }
        return body | ({"privacyNotice": self.say("privacy")} if self.has_notice else {})

    def _line(self, line: Line) -> dict[str, Any]:
        money = self.program.currency.text
        body: dict[str, Any] = {"label": line.label, "from": clock.text(line.window.since)}
        for one in self.flows:
            body[one.value] = {"count": line.flows[one].count, "amount": money(line.flows[one].minor)}
        return body | ({"liability": money(line.liability)} if self.shows_liability else {})


async def sheet(
    source: Source, program: Program, window: Window, measures: Sequence[Measure], *, has_notice: bool
) -> Sheet:
    """The figures of a window, by day, or by month where it is long. Raises `Invalid`, `Unavailable`."""
    is_short = window.until - window.since <= _DAYS_MAX
    granularity = Granularity.DAILY if is_short else Granularity.MONTHLY
    return Sheet(
        program,
        window,
        granularity,
        measures or list(Measure),
        await by_time(source, program, window, granularity),
        await total(source, program, window),
        has_notice,
        await source.now(),
    )


def measures_of(said: Sequence[str]) -> list[Measure]:
    """The measures with these names, each once; all of them for none. Raises `Invalid`, naming the member."""
    found = []
    for name in dict.fromkeys(said):
        if name not in set(Measure):
            known = ", ".join((*FLOWS, Measure.LIABILITY))
            raise Invalid(("body", "metrics"), f"{name[:40]!r} is no metric; there are {known}.", "unknown_metric")
        found.append(Measure(name))
    return found or list(Measure)
