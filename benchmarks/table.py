"""The table that a person reads."""

from rich.console import Console
from rich.table import Table

from benchmarks.comparison import Comparison, Figure, Ratio
from benchmarks.measurement import Measurement
from benchmarks.report import Report

SHOWN_EXACTLY_BELOW_MS = 0.01
WIDTH_OF_FILES = 130
COLUMNS = ("", "rate/s", "p50 ms", "p99 ms", "ratio (lowest - highest)", "goal", "met")


def print_table(report: Report) -> None:
    """To standard output, wide enough when that is no terminal."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDTH_OF_FILES)
    facts = [f"{row.name.removeprefix('environment.')} {row.value} {row.unit or ''}" for row in report.environment]
    console.print(" · ".join(fact.strip() for fact in facts))
    table = Table(*COLUMNS)
    for column in table.columns[1:4]:
        column.justify = "right"
    for case in report.cases:
        figures = report.figures_of(case.name)
        cells = _measured(figures) if figures else ("-", "-", "-", report.why_absent(case))
        table.add_row(case.title, *cells)
    table.add_section()
    for comparison, ratio in report.ratios():
        table.add_row(*_compared(comparison, report.figures_of(comparison.name), ratio))
    console.print(table)
    for note in report.notes:
        console.print(note.value)


def _measured(figures: Measurement) -> tuple[str, str, str, str]:
    median, slow = (_milliseconds(figures.percentile_ms(share)) for share in (0.50, 0.99))
    return f"{figures.rate_per_second:,.0f}", median, slow, _beside(figures)


def _beside(figures: Measurement) -> str:
    """What is worth knowing of a single case; it has no ratio of its own."""
    parts = [
        f"{figures.batch_size:.0f} events a flush" if figures.batch_size else "",
        f"{figures.event_bytes:.0f} bytes an event" if figures.event_bytes else "",
        f"{figures.refused:,} refused" if figures.refused else "",
        f"{figures.not_yet_durable:,} lost by a crash" if figures.not_yet_durable else "",
    ]
    return ", ".join(part for part in parts if part)


def _compared(comparison: Comparison, figures: Measurement | None, ratio: Ratio | None) -> tuple[str, ...]:
    is_rate = comparison.figure is Figure.RATE
    value = comparison.figure.of(figures) if figures else None
    shown = "-" if value is None else f"{value:,.0f}" if is_rate else _milliseconds(value)
    goal = comparison.goal
    return (
        f"{comparison.subject_figure} / {comparison.against_figure}",
        shown if is_rate else "",
        "" if is_rate else shown,
        "",
        f"{ratio.median:.2f} ({ratio.lowest:.2f} - {ratio.highest:.2f})" if ratio else "not measured in this run",
        str(goal) if goal else "",
        ("yes" if goal.met_by(ratio.median) else "NO") if goal and ratio else "",
    )


def _milliseconds(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if value >= SHOWN_EXACTLY_BELOW_MS else f"{value:.4f}"
