"""
What pytest finds of this package in a project that has it installed: the fixture `simulate`.

    def test_booking(simulate: Simulate) -> None:
        report = simulate("flows/booking")

        assert report.faults == ()
        assert report.uncovered == ()
"""

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from definitions.screens import Screens
    from definitions.simulation import Report, Simulate, World


@pytest.fixture(scope="session")
def simulate(pytestconfig: pytest.Config) -> "Simulate":
    """Return what walks every way through a Flow: by its name, or by its path from the project's root folder."""
    # Imported only by tests that walk: pytest loads this module in every project of the environment.
    from definitions import simulation  # noqa: PLC0415 - as said

    def walked(
        place: str | Path, world: "World" = simulation.ANY_WORLD, *, screens: "Screens | None" = None
    ) -> "Report":
        at = pytestconfig.rootpath / place
        return simulation.simulate(at if at.exists() else place, world, screens=screens)

    return walked
