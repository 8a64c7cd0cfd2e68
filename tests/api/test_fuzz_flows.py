"""The short lane of `tests/fuzz_flows.py`."""

from api.keyring import Key
from tests.api.conftest import DEFINITIONS, Serve
from tests.fuzz_flows import STATUSES, Fuzzer


def test_calls_that_are_almost_right_are_answered_as_is_written(serve: Serve, way: str, endpoint_key: Key) -> None:
    fuzzer = Fuzzer(serve(way=way, definitions=DEFINITIONS), endpoint_key, seed=1)

    fuzzer.attack(500)

    assert fuzzer.faults == {}
    assert {layer for layer, _ in fuzzer.statuses} == set(STATUSES)
    assert min(fuzzer.server.outcomes()[code] for code in ("ok", "replay", "inner_bad", "gcm_tag", "sig_bad")) > 10
