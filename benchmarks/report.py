"""What a run has found, once as rows for JSON and once as a table for people."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from benchmarks.comparison import Bound, Comparison, ratio_of
from benchmarks.measurement import Measurement, pooled
from benchmarks.rounds import Results
from benchmarks.rows import Row, row_of_bound, rows_of_case, rows_of_comparison
from benchmarks.subject import Case


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    environment: Sequence[Row]
    cases: Sequence[Case]
    comparisons: Sequence[Comparison]
    bounds: Sequence[Bound] = ()
    results: Results
    facts: Sequence[Row] = ()
    """What is found out beside the cases."""
    notes: Sequence[Row]

    def rows(self) -> Iterator[Row]:
        """In the order of the table: the environment, each case, the comparisons, the bounds, the facts, the notes."""
        yield from self.environment
        for case in self.cases:
            figures = self.figures_of(case.name)
            if figures is None:
                yield Row(name=case.name, value=self.why_absent(case))
            else:
                yield from rows_of_case(case, figures)
        for case, comparison in self.compared():
            ratio = ratio_of(comparison, self.results.rounds)
            yield from rows_of_comparison(comparison, case, self.figures_of(case.name), ratio)
        for case, bound in self.bounded():
            yield row_of_bound(bound, case, self.figures_of(case.name))
        yield from self.facts
        yield from self.notes

    def compared(self) -> Iterator[tuple[Case, Comparison]]:
        """Those whose own side was asked for."""
        cases = {case.name: case for case in self.cases}
        for comparison in self.comparisons:
            if comparison.name in cases:
                yield cases[comparison.name], comparison

    def bounded(self) -> Iterator[tuple[Case, Bound]]:
        """Those whose case was asked for."""
        cases = {case.name: case for case in self.cases}
        for bound in self.bounds:
            if bound.name in cases:
                yield cases[bound.name], bound

    def figures_of(self, case_name: str) -> Measurement | None:
        rounds = self.results.rounds.get(case_name)
        return pooled(rounds) if rounds else None

    def why_absent(self, case: Case) -> str:
        if case.subject.missing is not None:
            return f"missing: {case.subject.missing}"
        return f"broke: {self.results.broken.get(case.name, 'not measured')}"
