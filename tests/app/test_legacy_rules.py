"""The rules by which older rows are put right: each is tried, and each is told in the guide as it is in the code."""

import re
from pathlib import Path

from app.operations.transfer.legacy.repairs import RULES, Repair
from app.operations.transfer.legacy.turns import ROLES

ROOT = Path(__file__).parents[2]
GUIDE = ROOT / "docs" / "how-to" / "import-legacy-data.md"
ROW_OF_RULE = re.compile(r"^\| `(?P<name>\w+)` \| (?P<does>.+) \|$", re.MULTILINE)


def test_every_rule_is_tried() -> None:
    tried = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").glob("*/test_legacy_*.py"))
    marks = (".notes[Repair.{0.name}]", "repair is Repair.{0.name}", '["{0}"] == [')

    assert [repair for repair in Repair if not any(mark.format(repair) in tried for mark in marks)] == []


def test_every_rule_stands_in_the_guide_as_it_is_told_in_reports() -> None:
    told = {row["name"]: row["does"] for row in ROW_OF_RULE.finditer(GUIDE.read_text(encoding="utf-8"))}

    assert told == {str(repair): RULES[repair] for repair in Repair}


def test_the_guide_names_every_role() -> None:
    guide = GUIDE.read_text(encoding="utf-8")

    assert [role for role in ROLES if f"`{role}`" not in guide] == []
