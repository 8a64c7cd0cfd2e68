"""The lab's Graph API keeps what came within bounds."""

from lab.graph import Asked, GraphStandIn

HEADERS = {"authorization": "Bearer any", "content-type": "application/json"}


def a_request(size: int) -> Asked:
    """Return a message whose body has so many octets."""
    head, tail = b'{"messaging_product": "whatsapp", "to": "919800000001", "text": {"body": "', b'"}}'
    body = head + b"x" * (size - len(head) - len(tail)) + tail
    return Asked.of("POST", "/v25.0/100000000000001/messages", HEADERS, body)


def test_of_many_requests_and_messages_the_last_are_kept() -> None:
    graph = GraphStandIn(kept=3)
    for size in (200, 201, 202, 203):
        assert graph.take(a_request(size))[0].status == 200

    assert [len(asked.body) for asked in graph.asked] == [201, 202, 203]
    assert [sent.wamid for sent in graph.sent] == ["wamid.2", "wamid.3", "wamid.4"]


def test_of_large_requests_and_messages_those_are_kept_that_there_is_room_for() -> None:
    graph = GraphStandIn(octets=1000)
    for size in (400, 500, 300, 200):
        graph.take(a_request(size))
    assert [len(asked.body) for asked in graph.asked] == [500, 300, 200]

    graph.take(a_request(1001))
    assert (graph.asked, graph.sent) == ([], [])


def test_of_large_files_those_are_kept_that_there_is_room_for() -> None:
    graph = GraphStandIn(octets=1000)
    ids = [graph.keep_file(b"x" * size, "image/png") for size in (400, 500, 300, 200)]

    assert [*graph.files] == [*graph.kinds] == ids[1:]
