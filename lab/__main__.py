"""`python -m lab`: try a running server."""

import sys

from lab.stories import interest, offer, order, sample, welcome
from lab.world import Unable, world

HELP = """\
usage: python -m lab STORY

  walk personalised_offer   a customer walks the offer, as a phone does, encrypted
  walk purchase_interest    a customer completes the form that has no endpoint
  order                     an order fails to arrive, is resolved, arrives
  sample                    the merchant puts the sample order, one that failed to arrive
  welcome                   the same, and one on its way to a customer who wants messages

The server is the one on port 8000 of this machine, or that of WAYSTATE_PUBLIC_URL. Its secrets are those of the
WAYSTATE_ settings, or those that it made under var/ of this folder.
"""

STORIES = {
    ("walk", "personalised_offer"): offer,
    ("walk", "purchase_interest"): interest,
    ("order",): order,
    ("sample",): sample,
    ("welcome",): welcome,
}


def main() -> int:
    """Tell the story that the arguments name; 0 if it ended well, 1 if not, 2 if there is no such story."""
    if sys.argv[1:] == ["--help"]:
        sys.stdout.write(HELP)
        return 0
    story = STORIES.get(tuple(sys.argv[1:]))
    if story is None:
        sys.stderr.write(HELP)
        return 2
    try:
        server = world()
        server.ask("GET", "/health/live")
        return 0 if story(server) else 1
    except Unable as unable:
        sys.stderr.write(f"lab: {unable}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
