"""What a run has found, once as rows for JSON and once as a table for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.comparison import Comparison, Ratio, ratio_of
from benchmarks.measurement import Measurement, pooled
from benchmarks.rounds import Results
from benchmarks.rows import Row, rows_of_case, rows_of_comparison
from benchmarks.subject import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    environment: Sequence[Row]
    cases: Sequence[Case]
    comparisons: Sequence[Comparison]
    results: Results
    notes: Sequence[Row]

    def rows(self) -> Iterator[Row]:
        """In the order of the table: the environment, each case, the comparisons, the notes."""
        yield from self.environment
        for case in self.cases:
            figures = self.figures_of(case.name)
            if figures is None:
                yield Row(name=case.name, value=self.why_absent(case))
            else:
                yield from rows_of_case(case, figures)
        for comparison, ratio in self.ratios():
            yield from rows_of_comparison(comparison, self.figures_of(comparison.name), ratio)
        yield from self.notes

    def ratios(self) -> Iterator[tuple[Comparison, Ratio | None]]:
        """Of those whose own side was asked for; None where a side could not be measured."""
        asked_for = {case.name for case in self.cases}
        for comparison in self.comparisons:
            if comparison.name in asked_for:
                yield comparison, ratio_of(comparison, self.results.rounds)

    def figures_of(self, case_name: str) -> Measurement | None:
        rounds = self.results.rounds.get(case_name)
        return pooled(rounds) if rounds else None

    def why_absent(self, case: Case) -> str:
        if case.subject.missing is not None:
            return f"missing: {case.subject.missing}"
        return f"broke: {self.results.broken.get(case.name, 'not measured')}"
