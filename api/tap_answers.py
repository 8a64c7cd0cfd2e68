"""
Answers customers who tapped a button about a failed delivery that is not taken any more.

The words are in the catalogue of texts (definitions/words), in the language of who tapped. They are said freely: who is
answered has just tapped.

Rule 1: what is told is how it stands when it is told, of the last failed delivery of the parcel.
Rule 2: the answer goes where the tap came from: to the name and the number of that chat.
"""

from collections.abc import Iterable

from msgspec.structs import replace

from api.brand import language_of
from api.entry_codes import opened_post
from definitions.orders.taps import FROM, LOCALE, NUMBER, WAMID, bind_answer, bind_unmatched
from definitions.orders.words import word_of
from definitions.outgoing import MessageCall, Nothing, Wish
from definitions.replies import reply, said
from definitions.words.document import USUAL, words_of
from definitions.words.failed_delivery import chosen_in_words
from definitions.words.saying import Speaker, territory_of
from engine.model import Instance


@bind_answer
def answer(wish: Wish) -> MessageCall | Nothing:
    """Tell who tapped what became of the failed delivery."""
    post, speaker = opened_post(), _speaker(wish)
    order_id = str(wish.order.get("orderId", ""))
    number = str(wish.order.get("customerOrderNumber") or order_id)
    lines = [speaker.say("tap.order", number=number, outcome=_outcome(wish.instance, wish.family.values(), speaker))]
    if post is not None and order_id:
        lines.append(speaker.say("tap.link", link=post.base_url + post.keys.link(order_id, wish.now)))
    return _reply(wish, lines)


@bind_unmatched
def answer_unmatched(wish: Wish) -> MessageCall | Nothing:
    """Tell who tapped that nobody knows which delivery is meant."""
    return _reply(wish, [_speaker(wish).say("tap.unmatched")])


def _outcome(case: Instance, members: Iterable[Instance], speaker: Speaker) -> str:
    """Return what became of the failed delivery that a *case* is about, one of the *members* of its family."""
    of_parcel = (each for each in members if each.definition == case.definition and _parcel(each) == _parcel(case))
    last = max(of_parcel, key=lambda each: each.created_at, default=case)
    word, resolution = word_of(last.state), last.context.get("resolution", {})
    if f"tap.settled.{word}" in speaker.texts:
        return speaker.say(f"tap.settled.{word}")
    if word == "expired":
        return speaker.say("tap.expired")
    if resolution:
        standing = speaker.name_of(f"standing.{word}.text", "")
        return speaker.say("tap.chosen", chosen=chosen_in_words(resolution, speaker), standing=standing).strip()
    return speaker.say("tap.not_offered") if last.id == case.id else speaker.say("tap.later")


def _parcel(case: Instance) -> object:
    return case.context.get("opened_by")


def _speaker(wish: Wish) -> Speaker:
    """Return who speaks the language of who tapped, else that of the account."""
    post = opened_post()
    words = words_of() if post is None else post.words
    of_account = language_of(wish.account) if wish.account else ""
    language = words.known(str(wish.data.get(LOCALE, ""))) or words.known(of_account) or USUAL
    return Speaker.of(words, language, territory_of(wish.account.timezone) if wish.account else "")


def _reply(wish: Wish, lines: list[str]) -> MessageCall | Nothing:
    """Return the message that says these lines; it is part of the conversation that the tap is part of."""
    names = [name for name in (wish.data.get(FROM, ""),) if name]
    heard = replace(wish, phone_number_id=wish.data.get(NUMBER) or wish.phone_number_id)
    call = reply(heard, names, said("\n".join(lines)), heard_at=wish.occurred_at, to=wish.data.get(WAMID, ""))
    if isinstance(call, Nothing):
        return call
    account_id = wish.account.account_id if wish.account else ""
    return replace(call, root=wish.recipient.root, account_id=account_id, person_id=wish.recipient.person_id)
