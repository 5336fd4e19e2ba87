"""The rows of a report: one figure each, the same for the table and for JSON."""

import json
from dataclasses import asdict, dataclass

from benchmarks.comparison import Bound, Comparison, Ratio
from benchmarks.measurement import Measurement
from benchmarks.subject import Case

DECIMALS_OF_MS = 4
DECIMALS_OF_SECONDS = 3
DECIMALS_OF_RATIO = 3
DECIMALS_OF_SHARE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """The fields are the keys of the JSON line. `value` is a text where there is no figure."""

    name: str
    value: float | str | None
    unit: str | None = None
    against: str | None = None
    ratio: float | None = None
    goal: str | None = None
    met: bool | None = None

    def json_line(self) -> str:
        return json.dumps(asdict(self))


def rows_of_case(case: Case, measured: Measurement) -> list[Row]:
    """What one case gave by itself: what it is about first, then what is known beside it."""
    name, subject = case.name, case.subject
    rows = [Row(name=name, value=_rounded(subject.headline.of(measured), 1), unit=subject.unit)]
    optional = {
        "p50": (_rounded(measured.percentile_ms(0.50), DECIMALS_OF_MS), "ms"),
        "p99": (_rounded(measured.percentile_ms(0.99), DECIMALS_OF_MS), "ms"),
        "p999": (_rounded(measured.percentile_ms(0.999), DECIMALS_OF_MS), "ms"),
        "refused": (measured.refused or None, "events"),
        "lost_by_a_crash": (measured.not_yet_durable or None, "events"),
        "batch_size": (_rounded(measured.batch_size, 1), "events"),
        "event_bytes": (_rounded(measured.event_bytes, 1), "bytes"),
        "server_busy": (_rounded(measured.server_busy, DECIMALS_OF_SHARE), "cores"),
        "generator_busy": (_rounded(measured.generator_busy, DECIMALS_OF_SHARE), "cores"),
        "process_bytes": (_rounded(measured.process_bytes, 0), "bytes"),
        **{part: (round(seconds, DECIMALS_OF_SECONDS), "s") for part, seconds in measured.parts.items()},
    }
    rows += [
        Row(name=f"{name}.{key}", value=value, unit=unit)
        for key, (value, unit) in optional.items()
        if value is not None
    ]
    return rows


def rows_of_comparison(
    comparison: Comparison, case: Case, figures: Measurement | None, ratio: Ratio | None
) -> list[Row]:
    """The ratio with its goal, and how far the rounds lay apart."""
    goal = comparison.goal
    name, against = comparison.subject_figure, comparison.against_figure
    first = Row(
        name=name,
        value=_rounded(comparison.figure.of(figures) if figures else None, DECIMALS_OF_MS),
        unit=case.subject.unit_of(comparison.figure),
        against=against,
        ratio=_rounded(ratio.median if ratio else None, DECIMALS_OF_RATIO),
        goal=str(goal) if goal else None,
        met=goal.met_by(ratio.median) if goal and ratio else None,
    )
    edges = (("lowest", ratio.lowest), ("highest", ratio.highest)) if ratio else ()
    return [
        first,
        *(
            Row(name=f"{name}.ratio.{edge}", value=round(at, DECIMALS_OF_RATIO), unit="x", against=against)
            for edge, at in edges
        ),
    ]


def row_of_bound(bound: Bound, case: Case, figures: Measurement | None) -> Row:
    value = bound.figure.of(figures) if figures else None
    return Row(
        name=bound.figure.name_in(bound.name),
        value=_rounded(value, DECIMALS_OF_MS),
        unit=case.subject.unit_of(bound.figure),
        goal=str(bound),
        met=None if value is None else value < bound.below,
    )


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
