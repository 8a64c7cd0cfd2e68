"""
Where a crowd's arrows begin, for languages that Graphviz places.

Rule 1: what leads a crowd out of its frame begins at the frame; a crowd that does nothing else is not drawn.
"""

from msgspec import Struct

from diagrams.drawing import Arrow, Drawing, Group, Node


class Ends(Struct, frozen=True):
    """The nodes that an arrow is tied to and, if it begins at a frame, that frame."""

    tail: str
    head: str
    frame: Group | None = None


class Crowds:
    """The crowds of one drawing."""

    def __init__(self, drawing: Drawing) -> None:
        self._arrows = drawing.arrows
        self._order = {node.id: place for place, node in enumerate(drawing.root.all_nodes())}
        self._groups = {
            node.id: group
            for group in drawing.root.all_groups()
            if group.id
            for node in group.members
            if isinstance(node, Node) and node.crowd
        }

    def is_drawn(self, node: Node) -> bool:
        """Return whether *node* has to be drawn."""
        arrows = (arrow for arrow in self._arrows if arrow.source == node.id)
        return not node.crowd or any(self._frame_left_by(arrow) is None for arrow in arrows)

    def ends(self, arrow: Arrow) -> Ends:
        """Return what *arrow* is tied to."""
        frame = self._frame_left_by(arrow)
        tail = arrow.source if frame is None else self._nearest(frame, arrow.target)
        return Ends(tail, arrow.target, frame)

    def leads_up(self, ends: Ends) -> bool:
        """Return whether an arrow leads to what stands earlier in the definition."""
        return self._order[ends.head] < self._order[ends.tail]

    def _frame_left_by(self, arrow: Arrow) -> Group | None:
        """Return the group that a crowd's arrow leads out of, if any."""
        group = self._groups.get(arrow.source)
        return None if group is None or arrow.target in {node.id for node in group.all_nodes()} else group

    def _nearest(self, group: Group, target: str) -> str:
        """Return the state of a group to which an arrow from its frame is tied."""
        lasting = [node.id for node in group.all_nodes() if not node.final and not node.crowd]
        return lasting[-1] if self._order[target] > self._order[lasting[-1]] else lasting[0]
