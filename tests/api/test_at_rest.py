"""The encryption at rest: what it opens, what it refuses, and that nothing it keeps is in the database's files."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.at_rest import MARK, NONCE_BYTES, Safe, Unopenable
from api.keyring import Key
from tests.api.kept import deliver, deliveries, opened
from tests.api.serving import SECRETS, running
from tests.api.speaking import a_call, a_message, a_status, messages, statuses

KEY, OTHER_KEY = bytes(range(32)), bytes(range(1, 33))
TAG_BYTES = 16
VALUE = b'{"text": "Kya haal hai?"}'


@given(value=st.binary(max_size=200), row_id=st.text(max_size=20))
def test_what_was_sealed_opens_in_its_own_place(value: bytes, row_id: str) -> None:
    safe = Safe(KEY)

    kept = safe.seal("delivery", row_id, value)

    assert (kept[: len(MARK)], len(kept)) == (MARK, len(MARK) + NONCE_BYTES + len(value) + TAG_BYTES)
    assert safe.open("delivery", row_id, kept) == Safe(KEY).open("delivery", row_id, kept) == value


def test_no_two_seals_are_alike() -> None:
    safe = Safe(KEY)

    assert len({safe.seal("delivery", "1", VALUE) for _ in range(1000)}) == 1000


@pytest.mark.parametrize("key", [b"", KEY])
@pytest.mark.parametrize("value", [b"", VALUE, b"\x8f", MARK[:-1], "ärger".encode()])
def test_what_was_kept_before_there_was_a_key_is_read_as_it_is(key: bytes, value: bytes) -> None:
    assert Safe().seal("delivery", "1", value) == value
    assert Safe(key).open("delivery", "1", value) == value


@pytest.mark.parametrize(
    ("key", "table", "row_id"),
    [
        pytest.param(b"", "delivery", "1", id="no key"),
        pytest.param(OTHER_KEY, "delivery", "1", id="another key"),
        pytest.param(KEY, "delivery", "2", id="another row"),
        pytest.param(KEY, "alias", "1", id="another table"),
        pytest.param(KEY, "delivery\0001", "", id="a table that ends like the row"),
    ],
)
def test_nothing_opens_elsewhere(key: bytes, table: str, row_id: str) -> None:
    kept = Safe(KEY).seal("delivery", "1", VALUE)

    with pytest.raises(Unopenable) as refused:
        Safe(key).open(table, row_id, kept)

    assert "Kya haal hai" not in str(refused.value)


def test_nothing_opens_that_was_changed_or_cut() -> None:
    safe = Safe(KEY)
    kept = safe.seal("delivery", "1", VALUE)
    cut = [kept[:length] for length in range(len(MARK), len(kept))]
    changed = [bytes((*kept[:place], kept[place] ^ 1, *kept[place + 1 :])) for place in range(len(MARK), len(kept))]

    for wrong in (*cut, *changed, kept + b"\0"):
        with pytest.raises(Unopenable):
            safe.open("delivery", "1", wrong)


def files_of(database: Path) -> bytes:
    """Return what the database's files hold, its log's included."""
    return b"".join(path.read_bytes() for path in sorted(database.parent.glob(f"{database.name}*")))


@pytest.mark.parametrize("data_key", ["", SECRETS["data_key"]])
def test_with_a_key_nothing_of_a_call_is_in_the_files_of_the_database(
    database: Path, endpoint_key: Key, *, data_key: str
) -> None:
    secret = b"a canary that sings"
    said = [a_message(kind, {"body": secret.decode()}) for kind in ("text", "image", "hologram")]
    calls = [a_call(messages(message)) for message in said]
    calls.append(a_call(statuses(a_status("sent", "w-1", conversation={"id": secret.decode()}))))
    bodies = [*(json.dumps(call).encode() for call in calls), b"{ no JSON, but " + secret]

    with running(database, [endpoint_key], data_key=data_key) as server:
        for body in bodies:
            deliver(server, body)
        while_it_runs = files_of(database)
        assert sorted(opened(server).values()) == sorted(bodies)
        assert len(deliveries(server)) == len(bodies)

    assert (secret in while_it_runs, secret in files_of(database)) == (not data_key, not data_key)


def test_what_was_kept_without_a_key_can_be_read_once_there_is_one(database: Path, endpoint_key: Key) -> None:
    before, after = (json.dumps(a_call(messages(a_message("text")))).encode() for _ in range(2))
    with running(database, [endpoint_key], data_key="") as server:
        deliver(server, before)

    with running(database, [endpoint_key]) as server:
        deliver(server, after)

        assert sorted(opened(server).values()) == sorted([before, after])
