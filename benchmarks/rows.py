"""The rows of a report: one figure each, the same for the table and for JSON."""

import json
from dataclasses import asdict, dataclass

from benchmarks.comparison import Comparison, Ratio
from benchmarks.measurement import Measurement
from benchmarks.subject import Case

DECIMALS_OF_MS = 4
DECIMALS_OF_RATIO = 3


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
    """What one case gave by itself: the rate first, then what is known beside it."""
    name = case.name
    rows = [Row(name=name, value=round(measured.rate_per_second, 1), unit="appends/s")]
    for label, share in (("p50", 0.50), ("p99", 0.99), ("p999", 0.999)):
        rows.append(
            Row(name=f"{name}.{label}", value=_rounded(measured.percentile_ms(share), DECIMALS_OF_MS), unit="ms")
        )
    optional = {
        "refused": (measured.refused or None, "events"),
        "lost_by_a_crash": (measured.not_yet_durable or None, "events"),
        "batch_size": (_rounded(measured.batch_size, 1), "events"),
        "event_bytes": (_rounded(measured.event_bytes, 1), "bytes"),
    }
    rows += [Row(name=f"{name}.{key}", value=value, unit=unit) for key, (value, unit) in optional.items() if value]
    return rows


def rows_of_comparison(comparison: Comparison, figures: Measurement | None, ratio: Ratio | None) -> list[Row]:
    """The ratio with its goal, and how far the rounds lay apart."""
    goal = comparison.goal
    name, against = comparison.subject_figure, comparison.against_figure
    first = Row(
        name=name,
        value=_rounded(comparison.figure.of(figures) if figures else None, DECIMALS_OF_MS),
        unit=comparison.figure.unit,
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


def _rounded(value: float | None, decimals: int) -> float | None:
    return None if value is None else round(value, decimals)
