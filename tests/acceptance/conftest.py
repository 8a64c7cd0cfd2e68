"""The shop of the stories that leave it open, and the orders they are about."""

from collections.abc import Iterator

import pytest

from tests.acceptance.papers import SAMPLES, Document, our_document, published_document
from tests.acceptance.shop import Shop


@pytest.fixture(scope="session")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """Return a shop that is open, for stories that have orders and sessions of their own."""
    shop = Shop(tmp_path_factory.mktemp("shop"))
    shop.open()
    yield shop
    shop.cut_off()


@pytest.fixture(params=["ours", "published"])
def document(request: pytest.FixtureRequest) -> Document:
    """Return each of the orders that failed to arrive."""
    document = our_document() if request.param == "ours" else published_document()
    if document is None:
        pytest.skip(f"no page with the published order lies beside {SAMPLES}: set WAYSTATE_SAMPLES to where one does")
    return document
