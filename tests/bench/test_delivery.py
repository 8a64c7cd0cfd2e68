"""The benchmark of delivery: it measures what it says, and says what it measured."""

from pathlib import Path

from click.testing import CliRunner

from bench.delivery import Cost, Rate, alone, main, table


async def test_all_is_delivered_by_dbos_alone(tmp_path: Path) -> None:
    assert await alone(tmp_path, 50) > 0


def test_it_runs_from_end_to_end() -> None:
    said = CliRunner().invoke(main, ["--effects", "40", "--rounds", "3"])

    assert said.exit_code == 0, said.output
    titles = [line.split("  ")[0] for line in said.output.splitlines()]
    assert titles == [
        "",
        "DBOS alone",
        "one process",
        "worker apart",
        "",
        "",
        "transition without an effect",
        "transition with one",
        "added by the effect",
        "later: to whom it goes",
    ]


def test_the_table_says_what_was_measured() -> None:
    rates = [Rate("DBOS alone", 251.4, 1.0), Rate("worker apart", 125.7, 0.5)]

    assert table(rates, [Cost("added by the effect", 41.2)]).splitlines() == [
        "                               effects/s   share",
        "DBOS alone                           251    1.00",
        "worker apart                         126    0.50",
        "",
        "                                  median",
        "added by the effect                41 µs",
    ]
