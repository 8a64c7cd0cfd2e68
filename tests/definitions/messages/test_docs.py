"""What docs/messages.md says, tried out."""

import json
import re
from pathlib import Path

import pytest
from msgspec.structs import fields

from definitions.catalogue import SHIPPED, Catalogue
from definitions.messages.facts import OPEN, PATHS
from definitions.messages.texts import FILTERS
from definitions.messages.wording import Wording
from definitions.orders.rows import Account

PAGE = (SHIPPED.parent / "docs" / "messages.md").read_text()

DHRUV = Account("1489", "dfc", "Dhruv Foods", "Asia/Kolkata")


@pytest.mark.usefixtures("bindings")
def test_the_file_and_the_effect_on_the_page_are_taken(tmp_path: Path) -> None:
    (example,) = re.findall(r"```json\n(.*?)```", PAGE, re.DOTALL)
    (bindings,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    content = json.loads(example)
    content["events"]["notify_gift_wrapped"] = {"templates": [{"name": "wrapped"}]}
    (tmp_path / "messages.json").write_text(json.dumps(content))
    (tmp_path / "bindings.py").write_text(bindings)

    messages = Catalogue.load([tmp_path]).messages

    shipped, delayed, wrapped = (
        messages.wording(name, None) for name in ("notify_shipped", "notify_shipment_delayed", "notify_gift_wrapped")
    )
    assert shipped is not None
    assert delayed is not None
    assert (shipped.templates[0].name, delayed.on, wrapped is None) == ("my_shipment", False, False)
    own, everybodys = (messages.wording("notify_delivered", account) for account in (DHRUV, None))
    assert own is not None
    assert everybodys is not None
    assert (own.templates[0].name, everybodys.templates[0].name) == ("dfc_delivered", "order_delivered")


def test_the_page_names_every_member_path_and_filter() -> None:
    named = {name.partition(":")[0] for row in rows() for name in re.findall(r"`([^`]+)`", row)}

    assert {field.encode_name for field in fields(Wording)} - {"quiet_hours"} <= named
    assert {*PATHS} <= named
    assert {f"{root}.…" for root in OPEN} <= named
    assert {*FILTERS} <= named


def rows() -> list[str]:
    """Return the first cells of the page's tables."""
    return [line.split("|")[1] for line in PAGE.splitlines() if line.startswith("| `")]
