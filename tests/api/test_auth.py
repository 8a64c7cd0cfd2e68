"""Who may call what: every address, with every kind of caller."""

import http.client
from typing import Any
from urllib.parse import unquote

import pytest

from api.admin import AdminApi
from api.auth import PERSONAL, WHOLE
from api.feed import read_feed
from api.staff import FIRST
from tests.api.console import waiting
from tests.api.console.visiting import Visit
from tests.api.serving import Server
from tests.api.speaking import ABSENT, Heard, ask

BEARER = {"staff": ("/admin/api/v1/",), "portal": ("/_ah/", "/api/")}


def operations(server: Server) -> list[tuple[str, str, dict[str, Any]]]:
    """Return every described operation: its method, an address of it, what it says."""
    paths = ask(server, "GET", "/schema/openapi.json").content["paths"]
    return [
        (method.upper(), path.replace("{courier}", "generic").replace("{", "").replace("}", ""), call)
        for path, calls in paths.items()
        for method, call in calls.items()
    ]


def kind_of(path: str) -> str:
    """Return what guards an address."""
    return next((kind for kind, prefixes in BEARER.items() if path.startswith(prefixes)), "")


def call(server: Server, method: str, path: str, **more: Any) -> Heard:
    """Call an address, with an empty object where it takes a body."""
    return ask(server, method, path, ABSENT if method == "GET" else {}, **more)


def test_every_guarded_address_is_closed_to_strangers_and_says_the_same_to_all(office: Server) -> None:
    guarded = [(method, path) for method, path, _ in operations(office) if kind_of(path)]
    assert len(guarded) > 20

    for method, path in guarded:
        said = set()
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {office.world.admin_token}"}):
            heard = call(office, method, path, headers=headers)
            assert (heard.status, heard.headers["www-authenticate"]) == (401, "Bearer"), (method, path)
            said.add(heard.content.get("reason") or heard.content["detail"])
        assert said == {"A valid bearer token is needed."}


def test_staff_may_do_all_and_a_portal_only_what_is_the_portals(office: Server) -> None:
    for method, path, _ in operations(office):
        portal = call(office, method, path, token=office.world.portal_token)
        staff = call(office, method, path, token=office.world.admin_token)
        if kind_of(path) == "staff":
            assert (portal.status, portal.content["code"]) == (403, "forbidden"), (method, path)
        if kind_of(path):
            assert staff.status not in {401, 403}, (method, path)
            assert kind_of(path) == "staff" or portal.status not in {401, 403}, (method, path)


def test_the_document_names_what_opens_each_address(office: Server) -> None:
    for method, path, described in operations(office):
        needs = [scheme for need in described.get("security", []) for scheme in need]
        if kind_of(path):
            assert needs == ["bearer"], (method, path)
        elif path.startswith("/webhooks/couriers/"):
            assert needs == ["courier"]
        elif method == "POST":
            assert needs == ["signature"], (method, path)
        else:
            assert needs == [], (method, path)


def test_a_viewer_looks_and_changes_nothing(office: Server) -> None:
    viewer = Visit(office).token_for("Vera", "viewer")
    for method, path, _ in operations(office):
        if kind_of(path) != "staff":
            continue
        heard = call(office, method, path, token=viewer)
        if method == "GET" and not path.endswith(("/events", "media_id")):
            assert heard.status not in {401, 403}, (method, path)
        else:
            assert heard.said[1]["detail"] == "That takes an operator; the token is a viewer's.", (method, path)
            assert heard.status == 403, (method, path)


def test_an_operator_may_do_what_an_administrator_may_over_the_api_and_it_is_logged(office: Server) -> None:
    admin = Visit(office)
    operator = admin.token_for("Omar", "operator")
    for method, path, _ in operations(office):
        heard = call(office, method, path, token=operator)
        if kind_of(path) == "staff":
            assert heard.status not in {401, 403}, (method, path)
        elif kind_of(path) == "portal":
            assert heard.status == 403, (method, path)
    assert ("Omar", "called", "/admin/api/v1/sessions", "") in admin.log()


def test_whoever_is_dismissed_or_made_a_viewer_is_so_at_the_next_call(office: Server) -> None:
    admin = Visit(office)
    token = admin.token_for("Otto", "operator")
    discard = "/admin/api/v1/effects/nobody/discard"
    assert ask(office, "POST", discard, token=token).status == 404

    admin.post("/admin/staff/Otto/role", role="viewer", reason="a test")
    assert ask(office, "POST", discard, token=token).status == 403
    admin.post("/admin/staff/Otto/dismiss", reason="a test")
    assert ask(office, "GET", "/admin/api/v1/stats", token=token).status == 401


def test_viewers_see_contexts_and_histories_masked_and_operators_see_them_whole(office: Server) -> None:
    waiting.failed_order(office, "O-masked")
    admin = Visit(office)
    case = "/admin/api/v1/sessions/ndr_case/O-masked%3AT-1%3A20260101T113000Z"
    seen = {
        role: (
            ask(office, "GET", case, token=token).content["context"]["ndr_reason"],
            [step["data"].get("ndr_reason") for step in ask(office, "GET", f"{case}/history", token=token).content],
        )
        for role, token in (
            ("viewer", admin.token_for("Veda", "viewer")),
            ("operator", admin.token_for("Olga", "operator")),
            ("administrator", office.world.admin_token),
        )
    }
    whole = ("Asha says wrong house", ["Asha says wrong house"])
    masked = ("A… s… w… h…", ["A… s… w… h…"])
    assert seen == {"viewer": masked, "operator": whole, "administrator": whole}


def test_what_operators_see_whole_and_viewers_masked_or_not_at_all_is_in_the_audit_log(office: Server) -> None:
    waiting.failed_order(office, "O-seen")
    admin = Visit(office)
    viewer, operator = admin.token_for("Vida", "viewer"), admin.token_for("Orla", "operator")
    case = "/admin/api/v1/sessions/ndr_case/O-seen%3AT-1%3A20260101T113000Z"
    named = [path for method, path, _ in operations(office) if method == "GET" and kind_of(path) == "staff"]
    seen = []

    for path in [f"{case}?x=1", f"{case}/history", f"{case}/story", f"{case}/diagram.mmd", *named]:
        masked = call(office, "GET", path, token=viewer)
        whole = call(office, "GET", path, token=operator)
        if masked.status == 403 or (masked.body != whole.body and whole.status == 200):
            seen.append(unquote(path.partition("?")[0]))
        call(office, "GET", path, token=office.world.admin_token)

    log = [entry for entry in admin.log() if entry[1] == "saw personal data"]
    theirs = [unquote(path) for who, _, path, _ in log if who == "Orla"]
    nobodys = "/admin/api/v1/sessions/definition/key"
    noted = sorted(path for path in theirs if not path.startswith(nobodys))
    assert noted == sorted(path for path in seen if not path.startswith(nobodys))
    assert {unquote(case), unquote(f"{case}/history"), "/admin/api/v1/events"} <= {*seen}
    assert FIRST not in {who for who, *_ in log}  # a token of the settings is a machine's


def test_what_a_member_of_staff_is_refused_over_the_api_is_in_the_audit_log_twice(office: Server) -> None:
    admin = Visit(office)
    token = admin.token_for("Otis", "operator")
    mint, effects = "/admin/api/v1/sessions", "/admin/api/v1/effects"
    asked = [
        ("POST", f"{effects}/nobody/discard", {}, 404),
        ("POST", mint, {"definition": "nothing"}, 404),
        ("POST", mint, {"definition": 7}, 422),
        ("GET", f"{mint}/order/nobody", ABSENT, 404),
        ("GET", "/admin/api/v1/events", ABSENT, 200),
    ]

    for method, path, body, status in asked:
        office.clock.move(1)
        assert ask(office, method, path, body, token=token).status == status
        assert ask(office, method, path, body, token=office.world.admin_token).status == status

    found = office.run(lambda: office.parts.queries.audit("", "Otis", "", 20))
    log = sorted((one.subject, one.action, one.details) for one in found)
    called, seen = '{"asked":"called"}', '{"asked":"saw personal data"}'
    assert log == sorted(
        [
            (f"{effects}/nobody/discard", "called", "{}"),
            (f"{effects}/nobody/discard", "refused", called),
            (mint, "called", "{}"),
            (mint, "refused", called),
            (mint, "called", "{}"),
            (mint, "refused", called),
            (f"{mint}/order/nobody", "saw personal data", "{}"),
            (f"{mint}/order/nobody", "refused", seen),
            ("/admin/api/v1/events", "saw personal data", "{}"),
        ]
    )


def test_the_handlers_that_show_what_is_personal_are_there() -> None:
    handlers = [read_feed, AdminApi.session_media]
    assert {handler.handler_name for handler in handlers} == PERSONAL
    assert {handler.handler_name for handler in (*handlers, AdminApi.session, AdminApi.history)} == WHOLE


@pytest.mark.parametrize("token", ["", " ", "Bearer", "é", "null", "an admin token of the test"])
def test_no_other_token_opens_anything(office: Server, token: str) -> None:
    header = f"Bearer {token}".encode().decode("latin-1")
    heard = ask(office, "GET", "/admin/api/v1/stats", headers={"Authorization": header})
    assert heard.status == 401


def test_the_scheme_may_be_written_in_any_case(office: Server) -> None:
    heard = ask(office, "GET", "/admin/api/v1/stats", headers={"Authorization": f"bEARER {office.world.admin_token}"})
    assert heard.status == 200


@pytest.mark.parametrize(
    ("courier", "key"),
    [
        ("generic", ""),
        ("generic", "wrong"),
        ("generic", "an eshopbox key of the tests"),
        ("eshopbox", "a generic key of the tests"),
        ("nobody", "a generic key of the tests"),
        ("nobody", ""),
    ],
)
def test_a_courier_comes_in_with_its_own_key_alone(office: Server, courier: str, key: str) -> None:
    heard = ask(office, "POST", f"/webhooks/couriers/{courier}", {"events": []}, key=key)
    assert (heard.status, heard.content["detail"]) == (401, "A courier sends its key in x-api-key.")


def test_where_no_token_is_set_no_token_is_right(serve: Any) -> None:
    server = serve(admin_token="", portal_token="")
    for token in ("", "x"):
        heard = ask(server, "GET", "/admin/api/v1/stats", headers={"Authorization": f"Bearer {token}"})
        assert heard.status == 401


def test_only_a_server_for_that_host_answers(office: Server) -> None:
    for host in ("evil.example", "127.0.0.1", "127.0.0.1:1"):
        heard = ask_as(office, host)
        assert (heard.status, heard.content["code"]) == (400, "host_refused")
    assert ask_as(office, f"127.0.0.1:{office.port}").status == 200


def ask_as(server: Server, host: str) -> Heard:
    """Ask for health under another host's name."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    try:
        connection.putrequest("GET", "/health/live", skip_host=True)
        connection.putheader("Host", host)
        connection.endheaders()
        response = connection.getresponse()
        return Heard(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())
    finally:
        connection.close()
