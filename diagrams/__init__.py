"""How a workflow is seen: pictures as text, from the definition that runs."""

from diagrams.dot import render_dot
from diagrams.drawing import Arrow, Drawing, Group, Node, Overlay, Walked, draw
from diagrams.mermaid import render_mermaid

__all__ = [
    "Arrow",
    "Drawing",
    "Group",
    "Node",
    "Overlay",
    "Walked",
    "draw",
    "render_dot",
    "render_mermaid",
]
