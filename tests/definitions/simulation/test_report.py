"""A report as it is read."""

import msgspec
from msgspec.structs import replace

from definitions.simulation.report import KINDS, Accepted, DeadEnd, Edge, Fault, Report

SOUND = Report(
    name="survey",
    paths=1_200,
    situations=3,
    calls=40,
    screens=("WISH", "SIZE"),
    unseen=(),
    covered=(Edge("SIZE", "SUCCESS"), Edge("WISH", "SIZE")),
    uncovered=(),
    outcomes={"ok": 1_039, "refused": 1},
    seconds=0.25,
)


def test_a_report_without_findings_is_short() -> None:
    assert str(SOUND) == (
        "survey: 1,200 paths, 3 situations, 40 calls\n"
        "\n"
        "  screens  2 of 2\n"
        "  edges    2 of 2\n"
        "  answers  ok 1,039 · refused 1\n"
        "  time     0.2 s\n"
        "\n"
        "No faults and no dead ends."
    )


def test_a_report_tells_each_finding_with_the_way_to_it() -> None:
    report = replace(
        SOUND,
        situations=1,
        unseen=("LAST",),
        uncovered=(Edge("SIZE", "LAST"),),
        faults=(Fault("raised", "SIZE", "LookupError at screens.py:7: no", ("opens on WISH", "WISH: submits"), 3),),
        dead_ends=(DeadEnd("SIZE", ("opens on WISH",)),),
        warnings=(Fault("missing_data", "WISH", "${data.x} is missing", ("opens on WISH",)),),
        accepted=(Accepted("WISH", "size", ("null", "too long")), Accepted("WISH", "", ("an empty payload",))),
        truncated=True,
    )

    assert str(report) == (
        "survey: 1,200 paths, 1 situation, 40 calls\n"
        "\n"
        "  screens  2 of 3\n"
        "  edges    2 of 3\n"
        "  answers  ok 1,039 · refused 1\n"
        "  time     0.2 s\n"
        "  There was more to walk: only 1 situation.\n"
        "\n"
        "Never seen\n"
        "  LAST\n"
        "\n"
        "Never taken\n"
        "  SIZE -> LAST\n"
        "\n"
        "1 fault\n"
        "\n"
        "  raised on SIZE (3 times): LookupError at screens.py:7: no\n"
        "    1. opens on WISH\n"
        "    2. WISH: submits\n"
        "\n"
        "1 dead end\n"
        "\n"
        "  SIZE (1 situation): no end can be reached from here\n"
        "    1. opens on WISH\n"
        "\n"
        "1 warning\n"
        "\n"
        "  missing_data on WISH: ${data.x} is missing\n"
        "    1. opens on WISH\n"
        "\n"
        "Taken, though no phone sends it\n"
        "  WISH.size: null, too long\n"
        "  WISH.*: an empty payload"
    )


def test_many_findings_are_counted_and_the_first_are_shown() -> None:
    lines = str(replace(SOUND, unseen=tuple(f"S{number}" for number in range(25)))).splitlines()

    assert lines[lines.index("  S19") + 1] == "  … and 5 more"


def test_how_long_it_took_is_no_difference() -> None:
    assert replace(SOUND, seconds=9.0) == SOUND
    assert hash(replace(SOUND, seconds=9.0)) == hash(SOUND)
    assert replace(SOUND, calls=41) != SOUND


def test_a_report_is_json() -> None:
    assert msgspec.json.decode(msgspec.json.encode(SOUND), type=Report) == SOUND


def test_every_kind_of_fault_is_explained() -> None:
    assert all(meaning and not meaning.endswith(".") for meaning in KINDS.values())
