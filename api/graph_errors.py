"""
What the Graph API's error codes mean for what was asked, and the errors a call to it can end with.

Sources: Meta, "Cloud API error codes" and "Throughput".

Rule 1: the code decides, and the HTTP status only where the table has no code: Meta changes titles and statuses.
Rule 2: an error's text is codes and numbers. What Graph says in words may name a person: it is never in the text, and
        with a message not even kept.
"""

from typing import Literal

from httpx2 import codes

Kind = Literal["retry", "later", "fix", "recipient", "template", "stop"]
"""
What an error asks for. `retry`: the same again, after growing waits; `later`: after the wait of `LATER`; `fix`: this
message or its template has to be changed; `recipient`: this person cannot get it; `template`: only a template reaches
this person now; `stop`: nothing goes through until our set-up is mended.
"""

Reason = Literal["connect", "slow", "broken", "status", "answer"]
"""
What went wrong where Graph did not answer: no connection, or no TLS; too slow; the connection broke; an error that is
not Graph's; an answer that cannot be read.
"""

HOUR = 3600

RETRY = frozenset({1, 2, 4, 80007, 130429, 131000, 131016, 131056, 131057, 133004})
"""Graph is busy, or we are too fast."""

LATER: dict[int, int | None] = {
    131049: 24 * HOUR,  # this person has had enough marketing
    132069: HOUR,  # the Flow is throttled to 10 messages an hour
    134101: 600,  # the template is being made ready
    131048: None,  # limited for spam
    131064: None,
    133016: None,  # registered too often
}
"""How many seconds later there is a chance; None where a person has to look first."""

STOP = frozenset({0, 3, 10, 33, 190, *range(200, 300), 368, 131005, 131031, 131037, 131042, 131045, 133010})
"""The token, its permissions, the account, its payment or the number: no message would go out."""

FIX = frozenset(
    {
        *(100, 130497, 131008, 131009, 131021, 131030, 131051, 131053, 131055, 131062, 131063),
        *(132000, 132001, 132005, 132007, 132008, 132012, 132015, 132016, 132018, 132068, 135000, 137000),
    }
)
"""What was sent, or the template or Flow it names, is wrong."""

RECIPIENT = frozenset({130403, 130472, 131026, 131050})
"""This person cannot or does not want to get it."""

TEMPLATE = frozenset({131047})
"""The person's last message is more than 24 hours old."""

RECIPIENT_WAITS = frozenset({131056})
"""Of the `retry` ones: too much at once to one person; everybody else's messages go on."""

OPTED_OUT = frozenset({131050})
"""Of the `recipient` ones: the person wants no marketing from us; to send it again would be wrong, not only vain."""

TOKEN_INVALID = 190

NOT_ALLOWED = frozenset({codes.UNAUTHORIZED, codes.FORBIDDEN})
"""Statuses that keep all messages back."""

NOT_THERE = frozenset({codes.NOT_FOUND, codes.METHOD_NOT_ALLOWED, codes.PROXY_AUTHENTICATION_REQUIRED})
"""Likewise, from whatever is at that address and is not Graph."""

_KINDS: dict[int, Kind] = {
    **dict.fromkeys(RETRY, "retry"),
    **dict.fromkeys(LATER, "later"),
    **dict.fromkeys(STOP, "stop"),
    **dict.fromkeys(FIX, "fix"),
    **dict.fromkeys(RECIPIENT, "recipient"),
    **dict.fromkeys(TEMPLATE, "template"),
}


def kind_of(code: int | None, http_status: int = codes.BAD_REQUEST) -> Kind:
    """
    Return what an error asks for; *code* is Graph's, or None where what answered was not Graph.

    A code that is not in the table is judged by the HTTP status. A `failed` status of a webhook has none.
    """
    if code in _KINDS:
        return _KINDS[code]
    if codes.is_server_error(http_status) or http_status == codes.TOO_MANY_REQUESTS:
        return "retry"
    if http_status in NOT_ALLOWED or (code is None and (codes.is_redirect(http_status) or http_status in NOT_THERE)):
        return "stop"
    return "fix"


class GraphFailure(Exception):
    """A call to the Graph API did not do what it was to do."""


class NotSent(GraphFailure):
    """Nothing of the call left this machine: it may be made again. *reason* says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"not sent to Graph: {reason}")
        self.reason = reason


class InDoubt(GraphFailure):
    """The call may have been written, and no answer tells whether it did anything. *reason* says why."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(f"not known whether Graph did it: {reason}")
        self.reason = reason


class GraphError(GraphFailure):
    """
    Graph answered that it did not do it.

    *code* and *subcode* are Graph's, None where there was none. *retry_after* are the seconds it asks to be left alone.
    *trace* is what Meta's support asks for. *words* are Graph's own: for whoever gave the command, not for a log.
    """

    def __init__(
        self,
        status: int,
        code: int | None = None,
        subcode: int | None = None,
        retry_after: int | None = None,
        trace: str = "",
        words: str = "",
    ) -> None:
        super().__init__(f"Graph refused: status {status}, code {code}, subcode {subcode}")
        self.status = status
        self.code = code
        self.subcode = subcode
        self.retry_after = retry_after
        self.trace = trace
        self.words = words

    @property
    def kind(self) -> Kind:
        """Return what it asks for."""
        return kind_of(self.code, self.status)
