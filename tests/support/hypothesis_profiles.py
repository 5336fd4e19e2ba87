"""How long Hypothesis searches: `quick` on every run, `long` with HYPOTHESIS_PROFILE=long."""

import os

from hypothesis import HealthCheck, settings


def load_hypothesis_profile() -> None:
    """`quick` takes a few seconds and tries the same every time; `long` takes minutes and tries its luck."""
    patient = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
    settings.register_profile("quick", patient, max_examples=100, stateful_step_count=40, derandomize=True)
    settings.register_profile("long", patient, max_examples=3_000, stateful_step_count=100)
    settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "quick"))
