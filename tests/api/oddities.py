"""JSON that is right but for some places in it, where something else stands, or nothing."""

from copy import deepcopy
from typing import Any

from hypothesis import strategies as st

VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from((0, -1, 2**53, 2**63, 2**64, 10**25, 0.5, 1e300)),
    st.sampled_from(("", " ", "\0", "a\0b", "\N{GRINNING FACE}", "\ud800", "x" * 5000)),
    st.sampled_from(([], {}, [[]], [None], {"": {}}, {"id": {}}, [{"id": []}])),
    st.text(max_size=20),
)


@st.composite
def somewhere_odd(draw: st.DrawFn, content: Any) -> Any:
    """Return *content* with up to four of its places changed or gone."""
    content = deepcopy(content)
    for _ in range(draw(st.integers(1, 4))):
        _disturb(draw, content)
    return content


def _disturb(draw: st.DrawFn, place: Any) -> None:
    """Change one place in *place*, or deeper in it; where nothing is, nothing changes."""
    names = [*place] if isinstance(place, dict) else [*range(len(place))]
    if not names:
        return
    name = draw(st.sampled_from(names))
    if isinstance(place[name], dict | list) and draw(st.integers(0, 4)):
        _disturb(draw, place[name])
    elif draw(st.booleans()):
        place[name] = deepcopy(draw(VALUES))
    else:
        del place[name]
