"""What favours send: notes to people, questions to a courier that knows repeats by their key."""

from definitions.binding import effect
from definitions.outgoing import AnyCall, HttpCall, Later, MessageCall, Nothing, Wish


def note(wish: Wish) -> MessageCall | Nothing | Later:
    """Return a text for whoever the favour is about, unless it says that there is nothing to do, or not yet."""
    if wish.data.get("skip"):
        return Nothing("not_wanted")
    if wish.data.get("fault") == "raises":
        raise ValueError(wish.data["fault"])
    if wish.data.get("fault"):
        return {}  # type: ignore[return-value]  # as an author may
    begin, end = wish.data.get("asleep", (0, 0))
    if begin <= wish.now < end:
        return Later(end, "quiet hours")
    to = wish.data.get("to", "919800000001")
    body = {"to": to, "type": "template" if wish.reason.startswith("131047") else "text"}
    return MessageCall(f"whatsapp/100/{to}", "100", body)


@effect("send_note", "send a note", done="told", dead="lost")
def send_note(wish: Wish) -> MessageCall | Nothing | Later:
    """Return a note."""
    return note(wish)


@effect("send_note_again", "send a note, again if need be", done="told", in_doubt="resend")
def send_note_again(wish: Wish) -> MessageCall | Nothing | Later:
    """Return a note."""
    return note(wish)


@effect("ask_courier", "ask the courier", done="taken", accepted="agreed", refused="declined", dead="lost")
def ask_courier(wish: Wish) -> AnyCall:
    """Return a question to the courier."""
    later = bool(wish.data.get("answers_later"))
    return HttpCall("courier/T-1", "https://courier.example/ask", {"id": wish.id}, key_header="K", answers_later=later)


effect("wish_in_vain", "wish for what nobody does")
