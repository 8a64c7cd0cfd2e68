"""
What is asked for when a customer taps a button about a failed delivery that is not taken any more.

Rule 1: an answer has the address of a page, which is made of a secret, so that who composes it (api/tap_answers.py) is
        bound to the effects declared here where that secret is known.
"""

from definitions.binding import effect

TAPPED_IN_VAIN = "tapped_in_vain"
"""What a case hears of such a tap, and its customer's subscription where no case is found."""

FROM, NUMBER, LOCALE, WAMID = "from", "phone_number_id", "locale", "wamid"
"""
What the event says of the tap: the WhatsApp name of who tapped, our number that heard it, the locale that they speak,
"" if nobody knows, and the id of the message that the tap is.
"""

bind_answer = effect("answer_tap", "tell the customer who tapped an old button what became of it")
bind_unmatched = effect(
    "answer_unmatched_tap", "tell the customer that no delivery was found for the button they tapped"
)
