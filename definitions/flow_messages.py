"""
The message that brings a Flow to a person: what it says, and how it opens.

A Flow's folder may have a `message.json` for its words; what it leaves out has its usual ones.

Source: Meta, "Sending a Flow".
"""

from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

from definitions.binding import effect
from definitions.flow_calls import RECIPIENT
from definitions.flow_json.document import FlowDocument
from definitions.outgoing import MessageCall, Nothing, Wish
from definitions.replies import reply
from engine.errors import DefinitionError, Problem

FILE = "message.json"
"""Where a Flow's folder says what its message says."""

SEND_FLOW = "send_flow"
"""The effect of a session that is opened by sending its Flow."""

INTERACTIVE = "interactive"
"""The name under which the event that asks for the message has it, without its token."""

MESSAGE_VERSION = "3"


class FlowMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """
    What a Flow's message says, and which Flow it opens: that which Meta has under *flow_id*, or under the Flow's name.

    *mode* `draft` opens the version that is not published yet, for who tests it.
    """

    body: Annotated[str, Meta(min_length=1, max_length=1024)] = "Please tap the button to continue."
    cta: Annotated[str, Meta(min_length=1, max_length=30)] = "Continue"
    header: Annotated[str, Meta(max_length=60)] = ""
    footer: Annotated[str, Meta(max_length=60)] = ""
    flow_id: Annotated[str, Meta(pattern="^[0-9]*$", max_length=32)] = ""
    mode: Literal["published", "draft"] = "published"

    def interactive(self, name: str, flow: FlowDocument, data: dict[str, Any]) -> dict[str, Any]:
        """Return the message's `interactive` for the Flow *name*, but for its token; *data* is the first screen's."""
        which = {"flow_id": self.flow_id} if self.flow_id else {"flow_name": name}
        opening: dict[str, Any] = {"flow_action": "data_exchange"}
        if not flow.has_endpoint:
            first = {"screen": flow.entries[0], **({"data": data} if data else {})}
            opening = {"flow_action": "navigate", "flow_action_payload": first}
        parameters = {
            "flow_message_version": MESSAGE_VERSION,
            **which,
            "flow_cta": self.cta,
            "mode": self.mode,
            **opening,
        }
        return {
            "type": "flow",
            **({"header": {"type": "text", "text": self.header}} if self.header else {}),
            "body": {"text": self.body},
            **({"footer": {"text": self.footer}} if self.footer else {}),
            "action": {"name": "flow", "parameters": parameters},
        }


def flow_message(document: Path | None) -> FlowMessage:
    """
    Return what the message of the Flow whose document is at that path says.

    Raises:
        DefinitionError: the file that says it cannot be read.
    """
    path = None if document is None else document.parent / FILE
    if path is None or not path.is_file():
        return FlowMessage()
    try:
        return msgspec.json.decode(path.read_bytes(), type=FlowMessage)
    except msgspec.DecodeError as error:
        raise DefinitionError(str(path), (Problem("", "INVALID_MESSAGE", str(error)),)) from None


@effect(SEND_FLOW, "send a Flow's message to the person that its session was opened for")
def send_flow(wish: Wish) -> MessageCall | Nothing:
    """Send the message that the session was opened with; its token is the session's key."""
    interactive = wish.data[INTERACTIVE]
    action = interactive["action"]
    parameters = {**action["parameters"], "flow_token": wish.instance.key}
    content = {"type": INTERACTIVE, INTERACTIVE: {**interactive, "action": {**action, "parameters": parameters}}}
    return reply(wish, [wish.instance.context[RECIPIENT]], content)
