"""`python -m lab`: try a running server."""

import sys

import httpx2

from lab.stories import interest, offer, order, sample
from lab.world import world

HELP = """\
usage: python -m lab STORY

  walk personalised_offer   a customer walks the offer, as a phone does, encrypted
  walk purchase_interest    a customer completes the form that has no endpoint
  order                     an order fails to arrive, is resolved, arrives
  sample                    put the sample order

The server is the one on port 8000 of this machine, or that of WAYSTATE_PUBLIC_URL.
"""

STORIES = {
    ("walk", "personalised_offer"): offer,
    ("walk", "purchase_interest"): interest,
    ("order",): order,
    ("sample",): sample,
}


def main() -> int:
    """Tell the story that the arguments name; 0 if it ended well, 1 if not, 2 if there is no such story."""
    story = STORIES.get(tuple(sys.argv[1:]))
    if story is None:
        sys.stderr.write(HELP)
        return 2
    try:
        return 0 if story(world()) else 1
    except httpx2.HTTPError as error:
        sys.stderr.write(f"lab: no server answers at {world().url} ({type(error).__name__})\n")
        return 1


sys.exit(main())
