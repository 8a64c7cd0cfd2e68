"""
Couriers' status words: which fact a word means on which leg of a shipment's way.

The words are Eshopbox's. Words repeat between legs, so a fact's name is the leg and the word: `return.intransit`.
"""

FORWARD, RTO, RETURN = "forward", "rto", "return"

LEGS = frozenset({FORWARD, RTO, RETURN})

_RTO_WORDS = {
    "rto": "rto_created",
    "created": "rto_created",
    "intransit": "rto_intransit",
    "out_for_delivery": "rto_out_for_delivery",
    "failed_delivery": "rto_failed",
    "contact_customer_care": "rto_contact_customer_care",
    "delivered": "rto_delivered",
}
"""What couriers say on the way back, where it is not our word."""


def fact_name(leg: str, status: str) -> str:
    """Return the name of the fact that *status* means on *leg*; a word that begins with `rto` is about the way back."""
    word = status.strip().lower()
    if word.startswith("rto") or word == "return_expected":
        leg = RTO
    if leg == RTO:
        word = _RTO_WORDS.get(word, word)
    return f"{leg}.{word}"


def word_of(name: str) -> str:
    """Return the status word of a fact's name."""
    return name.rpartition(".")[2]
