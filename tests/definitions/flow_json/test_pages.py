"""The pages about Flow JSON are what its tables say."""

from pathlib import Path

from definitions.flow_json.pages import pages, write
from definitions.flow_json.rule import RULES

DOCS = Path(__file__).parents[3] / "docs"


def test_the_committed_pages_are_those_of_the_tables() -> None:
    committed = {
        path.relative_to(DOCS).as_posix(): path.read_text()
        for path in (DOCS / "flow-json.md", *sorted((DOCS / "rules").glob("*.md")))
    }

    assert committed == pages(), "run: python -m definitions.flow_json.pages docs"


def test_every_rule_has_its_page() -> None:
    assert {f"rules/{name}.md" for name in RULES} < pages().keys()


def test_pages_of_rules_that_are_no_more_are_removed(tmp_path: Path) -> None:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules/of-old.md").write_text("gone")

    write(tmp_path)

    assert {path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.md")} == pages().keys()
