"""The table that a person reads."""

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table

from benchmarks.comparison import Bound, Comparison, Figure, ratio_of
from benchmarks.measurement import Measurement
from benchmarks.report import Report
from benchmarks.rounds import Results
from benchmarks.rows import Row
from benchmarks.subject import Case

SHOWN_EXACTLY_BELOW_MS = 0.01
WIDTH_OF_FILES = 150
KIBIBYTE = 1_024
MEBIBYTE = 1_024 * KIBIBYTE
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
        cells = _measured(case, figures) if figures else ("-", "-", "-", report.why_absent(case))
        table.add_row(case.title, *cells)
    table.add_section()
    for case, comparison in report.compared():
        table.add_row(*_compared(comparison, report.figures_of(case.name), report.results))
    for case, bound in report.bounded():
        table.add_row(*_bounded(bound, report.figures_of(case.name)))
    if report.cases:
        console.print(table)
    if report.facts:
        console.print(_facts(report.facts))
    for note in report.notes:
        console.print(note.value)


def _facts(facts: Sequence[Row]) -> Table:
    table = Table("", "", "", "goal", "met")
    table.columns[1].justify = "right"
    for fact in facts:
        value = f"{fact.value:,}" if isinstance(fact.value, int | float) else str(fact.value)
        verdict = "" if fact.met is None else _verdict(fact.met)
        table.add_row(fact.name, value, fact.unit or "", fact.goal or "", verdict)
    return table


def _measured(case: Case, figures: Measurement) -> tuple[str, str, str, str]:
    median, slow = (_shown(figure, figures) for figure in (Figure.MEDIAN_LATENCY, Figure.SLOW_LATENCY))
    return _shown(case.subject.headline, figures), median, slow, _beside(figures)


def _beside(figures: Measurement) -> str:
    """What is worth knowing of a single case; it has no ratio of its own."""
    parts = [
        f"{figures.batch_size:.0f} events a flush" if figures.batch_size else "",
        f"{figures.event_bytes:.0f} bytes an event" if figures.event_bytes else "",
        f"{figures.refused:,} refused" if figures.refused else "",
        f"{figures.not_yet_durable:,} lost by a crash" if figures.not_yet_durable else "",
        f"server {figures.server_busy:.0%} busy" if figures.server_busy else "",
        f"generator {figures.generator_busy:.0%}" if figures.generator_busy else "",
        f"{figures.process_bytes / MEBIBYTE:.0f} MiB" if figures.process_bytes else "",
        *(f"{part} {seconds:.2f} s" for part, seconds in figures.parts.items()),
    ]
    return ", ".join(part for part in parts if part)


def _compared(comparison: Comparison, figures: Measurement | None, results: Results) -> tuple[str, ...]:
    ratio = ratio_of(comparison, results.rounds)
    goal = comparison.goal
    return (
        f"{comparison.subject_figure} / {comparison.against_figure}",
        *_in_its_column(comparison.figure, figures),
        f"{ratio.median:.2f} ({ratio.lowest:.2f} - {ratio.highest:.2f})" if ratio else "not measured in this run",
        str(goal) if goal else "",
        _verdict(goal.met_by(ratio.median)) if goal and ratio else "",
    )


def _bounded(bound: Bound, figures: Measurement | None) -> tuple[str, ...]:
    value = bound.figure.of(figures) if figures else None
    met = "" if value is None else _verdict(value < bound.below)
    return (bound.figure.name_in(bound.name), *_in_its_column(bound.figure, figures), "", f"{bound} ms", met)


def _in_its_column(figure: Figure, figures: Measurement | None) -> tuple[str, str, str]:
    shown = _shown(figure, figures)
    match figure:
        case Figure.RATE | Figure.SOCKET_MEMORY:
            return shown, "", ""
        case Figure.MEDIAN_LATENCY:
            return "", shown, ""
        case Figure.SLOW_LATENCY:
            return "", "", shown


def _shown(figure: Figure, figures: Measurement | None) -> str:
    value = figure.of(figures) if figures else None
    if value is None:
        return "-"
    match figure:
        case Figure.RATE:
            return f"{value:,.0f}"
        case Figure.SOCKET_MEMORY:
            return f"{value / KIBIBYTE:.1f} KiB"
        case Figure.MEDIAN_LATENCY | Figure.SLOW_LATENCY:
            return f"{value:.3f}" if value >= SHOWN_EXACTLY_BELOW_MS else f"{value:.4f}"


def _verdict(is_met: bool) -> str:
    return "yes" if is_met else "NO"
