"""Definitions in the console: what runs, what its sessions did, its versions, and what its linter says."""

import json
import re

import pytest

from tests.api.conftest import DEFINITIONS, Serve
from tests.api.console.filling import OFFER, WALKED, fill, source, walk
from tests.api.console.visiting import Visit, text_of
from tests.api.serving import Server
from tests.builders import MINUTE


def test_all_definitions_are_listed_with_their_live_counts(server: Server) -> None:
    fill(server)
    words = text_of(Visit(server).get("/admin/definitions"))
    definition = server.parts.catalogue.interpreter(OFFER).definition
    transitions = sum(not arrow.implied for arrow in definition.transitions)
    line = f"{OFFER} flow {len(definition.states)} {transitions} {definition.version[:8]} 9 1 none"
    assert line in words


def test_a_definition_shows_where_its_sessions_are_and_which_ways_they_took(server: Server) -> None:
    for number in range(3):
        walk(server, f"walker-{number}", number)
    visit = Visit(server)

    words = text_of(visit.get(f"/admin/definitions/{OFFER}"))
    with_traffic, plain = (source(visit, f"/definitions/{OFFER}?view={view}") for view in ("traffic", "plain"))

    assert "Offers for you OFFER screen 1 sessions in Offers for you 1" in words
    assert "Your preferences data_exchange Offers for you goes_to(OFFER)" in words
    assert "median 20 s" in with_traffic
    assert "median 20 s" not in plain


def test_stays_are_told_alike_in_the_picture_and_in_the_table(server: Server) -> None:
    walk(server, WALKED, 0)
    phone = walk(server, "who-is-quick", 1)
    server.clock.move(97_000)
    phone.submit("OPTIONS", selected_product="phone")
    server.clock.move(100 * MINUTE)
    phone.submit("OFFER", device="0_TechWave_TW14_Pro")
    visit = Visit(server)

    page, funnel = source(visit, f"/definitions/{OFFER}"), source(visit, f"/funnels/{OFFER}")

    drawn = re.findall(r">median ([^<]+)<", page)
    assert sorted(drawn) == ["0 s", "1 h 40 min", "20 s", "97 ms"]
    for shown in (page, funnel):
        stays = re.findall(r'<td class="number"[^>]*>([^<]* (?:s|ms|min|h))</td>', shown)
        assert sorted(stays) == sorted(drawn)


def test_versions_stand_side_by_side_and_each_can_be_looked_at(serve: Serve) -> None:
    server = serve(definitions=DEFINITIONS)
    walk(server, WALKED, 1)
    visit = Visit(server)
    version = server.parts.catalogue.interpreter(OFFER).definition.version

    words = text_of(visit.get(f"/admin/definitions/{OFFER}?version={version}"))

    assert f"{version} current" in words
    assert visit.get(f"/admin/definitions/{OFFER}?version=none").status == 404
    assert visit.get("/admin/definitions/none").status == 404


def test_what_the_linter_finds_is_told_with_its_place(serve: Serve) -> None:
    server = serve(definitions=DEFINITIONS)
    found = [each for each in server.parts.catalogue.documents.values() if each.problems]
    assert found
    words = text_of(Visit(server).get(f"/admin/definitions/{found[0].name}"))
    problem = found[0].problems[0]
    assert f"{problem.code} {problem.message} at {problem.pointer or '/'}" in words


@pytest.mark.parametrize("name", [OFFER, "order", "shipment", "ndr_case", "flow_health"])
def test_a_compiled_definition_is_saved_as_json(office: Server, name: str) -> None:
    heard = Visit(office).get(f"/admin/definitions/{name}/diagram.json")
    assert heard.headers["content-disposition"] == f'attachment; filename="{name}.json"'
    assert json.loads(heard.body)["name"] == name
