"""`waystate flows`: our Flows brought to Meta, published, and looked at there."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import stamina
from hypothesis import given
from hypothesis import strategies as st

from api.cli.exits import BAD_CONFIGURATION
from api.cli.flows import pointer_of
from api.graph import ATTEMPTS, FlowFault, Pointed
from definitions.catalogue import SHIPPED
from tests.cli.shell import Said, Shell
from tests.standins.graph import RESET_AFTER, RESET_BEFORE, Fault, GraphStandIn, graph_standin, limited, refused

TOKEN = "EAAtestTOKENofNobody"  # noqa: S105 - nobody's
WABA = "200000000000002"
OFFER = SHIPPED / "flows/personalised_offer/flow.json"
ENDPOINT = "https://shop.example/flows/personalised_offer"


@pytest.fixture
def standin() -> Iterator[GraphStandIn]:
    with graph_standin() as standin, stamina.set_testing(True, attempts=ATTEMPTS):
        standin.token = TOKEN
        yield standin


@pytest.fixture
def shell(home: Path, standin: GraphStandIn) -> Shell:
    """Return the shell of somebody whose account and token are set."""
    return Shell(
        home, GRAPH_URL=standin.url, ACCESS_TOKEN=TOKEN, WABA_ID=WABA, PUBLIC_URL="https://shop.example/", PORT="8000"
    )


def a_flaw(path: str = "", line: int = 4, column: int = 7) -> dict[str, object]:
    """Return a fault as Meta tells it."""
    return {
        "error": "INVALID_PROPERTY_VALUE",
        "error_type": "FLOW_JSON_ERROR",
        "message": "That is no such value.",
        "line_start": line,
        "column_start": column,
        "pointers": [{"line_start": line, "column_start": column, "path": path}] if path else [],
    }


# push


def test_a_flow_that_the_account_lacks_is_made_and_uploaded_as_it_is(shell: Shell, standin: GraphStandIn) -> None:
    said = shell.call("flows", "push", "personalised_offer", "--category", "SURVEY", "--category", "other")

    (flow,) = standin.flows.values()
    assert said == Said(0, f"personalised_offer: made, a draft, {flow.id}\nendpoint {ENDPOINT}\n")
    assert (flow.name, flow.categories, flow.endpoint_uri) == ("personalised_offer", ["SURVEY", "OTHER"], ENDPOINT)
    assert flow.document == OFFER.read_bytes()


def test_a_flow_that_is_there_is_changed_and_calls_our_address(shell: Shell, standin: GraphStandIn) -> None:
    shell.call("flows", "push", "purchase_interest")
    shell.call("flows", "push", "personalised_offer", PUBLIC_URL="https://old.example")

    said = shell.call("flows", "push", "personalised_offer")

    assert said == Said(0, f"personalised_offer: changed, a draft, flow-2\nendpoint {ENDPOINT}\n")
    assert [(flow.name, flow.endpoint_uri) for flow in standin.flows.values()] == [
        ("purchase_interest", ""),
        ("personalised_offer", ENDPOINT),
    ]


def test_a_flow_without_an_endpoint_needs_no_public_address(shell: Shell, standin: GraphStandIn) -> None:
    said = shell.call("flows", "push", "purchase_interest", PUBLIC_URL="")

    assert said == Said(0, "purchase_interest: made, a draft, flow-1\n")
    assert standin.flows["flow-1"].endpoint_uri == ""


def test_what_meta_finds_wrong_is_shown_in_our_file_as_the_linter_shows_it(shell: Shell, standin: GraphStandIn) -> None:
    standin.flaws = [a_flaw("screens [0]. title"), a_flaw(line=3, column=5)]

    said = shell.call("flows", "push", "personalised_offer")

    lines = OFFER.read_text().split("\n")
    number = next(number for number, line in enumerate(lines, 1) if line.strip().startswith('"title"'))
    column = lines[number - 1].index('"') + 1
    assert said.code == 1
    assert said.err.splitlines() == [
        f"{OFFER}:3:5: error: That is no such value. [INVALID_PROPERTY_VALUE, Meta]",
        f"{OFFER}:{number}:{column}: error: That is no such value. [INVALID_PROPERTY_VALUE]",
        f"{number:>6} | {lines[number - 1]}",
        f"{'^':>{9 + column}}",
        "It is kept as a draft, and cannot be published like this.",
    ]
    assert standin.flows["flow-1"].document == OFFER.read_bytes()


def test_a_push_that_broke_off_can_be_made_again(shell: Shell, standin: GraphStandIn) -> None:
    standin.goes_wrong(None, RESET_AFTER)  # the list, and making it

    broken = shell.call("flows", "push", "purchase_interest")
    again = shell.call("flows", "push", "purchase_interest")

    assert broken == Said(
        1,
        err="Error: Graph gave no clear answer, and may have done it or not (not known whether Graph did it: broken); "
        "look, then try again\n",
    )
    assert again == Said(0, "purchase_interest: changed, a draft, flow-1\n")


# publish and status


def test_a_draft_is_published(shell: Shell, standin: GraphStandIn) -> None:
    shell.call("flows", "push", "personalised_offer")

    assert shell.call("flows", "publish", "personalised_offer") == Said(0, "personalised_offer: PUBLISHED, flow-1\n")
    assert standin.flows["flow-1"].status == "PUBLISHED"


def test_a_draft_with_faults_is_not_published(shell: Shell, standin: GraphStandIn) -> None:
    shell.call("flows", "push", "personalised_offer")
    standin.flaws = [a_flaw()]

    said = shell.call("flows", "publish", "personalised_offer")

    assert (said.code, said.out, said.err.splitlines()[-1]) == (1, "", "Meta does not publish it like this.")
    assert standin.flows["flow-1"].status == "DRAFT"


def test_what_keeps_meta_from_publishing_is_told(shell: Shell, standin: GraphStandIn) -> None:
    shell.call("flows", "push", "personalised_offer")
    standin.goes_wrong(None, None, refused(139002, error_user_msg="The endpoint is not available."))

    said = shell.call("flows", "publish", "personalised_offer")

    assert said == Said(
        1,
        err="Error: Graph refused (139002); The endpoint is not available.; Meta does not publish it yet: see what "
        "`waystate flows status` and `waystate doctor` say; for Meta's support: Atrace\n",
    )


def test_the_status_of_a_flow_is_all_that_meta_tells(shell: Shell, standin: GraphStandIn) -> None:
    shell.call("flows", "push", "personalised_offer")
    shell.call("flows", "publish", "personalised_offer")

    assert shell.call("flows", "status", "personalised_offer") == Said(
        0,
        "id       flow-1\n"
        "status   PUBLISHED\n"
        "version  7.3, data API 3.0\n"
        f"endpoint {ENDPOINT}\n"
        f"preview  {standin.url}/preview/flow-1 (until 2026-12-21T12:00:00+0000)\n"
        "health   AVAILABLE\n",
    )


def test_a_flow_that_cannot_be_sent_says_why(shell: Shell, standin: GraphStandIn) -> None:
    shell.call("flows", "push", "purchase_interest")
    ailment = {"error_code": 131000, "error_description": "No key.", "possible_solution": "Upload one."}
    entity = {"entity_type": "PHONE_NUMBER", "id": "1", "can_send_message": "BLOCKED", "errors": [ailment]}
    standin.flows["flow-1"].health = {"can_send_message": "BLOCKED", "entities": [entity]}

    said = shell.call("flows", "status", "purchase_interest")

    assert (said.code, said.err) == (1, "")
    assert said.out.splitlines()[2:] == [
        "version  7.3",
        "endpoint -",
        f"preview  {standin.url}/preview/flow-1 (until 2026-12-21T12:00:00+0000)",
        "health   BLOCKED",
        "  PHONE_NUMBER 1: BLOCKED, 131000: No key. Upload one.",
    ]


# What keeps it from being asked


@pytest.mark.parametrize("command", ["push", "publish", "status"])
@pytest.mark.parametrize("missing", ["ACCESS_TOKEN", "WABA_ID"])
def test_without_a_token_or_an_account_nothing_is_asked(
    shell: Shell, standin: GraphStandIn, command: str, missing: str
) -> None:
    said = shell.call("flows", command, "purchase_interest", **{missing: ""})

    assert (said.code, said.out) == (BAD_CONFIGURATION, "")
    assert f"; WAYSTATE_{missing}; " in said.err
    assert standin.asked == []


def test_a_flow_with_an_endpoint_needs_a_public_address(shell: Shell, standin: GraphStandIn) -> None:
    said = shell.call("flows", "push", "personalised_offer", PUBLIC_URL="")

    assert (said.code, standin.asked) == (BAD_CONFIGURATION, [])
    assert "; WAYSTATE_PUBLIC_URL; set it to the address that Meta calls: https://shop.example\n" in said.err


@pytest.mark.parametrize("command", ["push", "publish", "status"])
@pytest.mark.parametrize("name", ["nothing", "order"], ids=["unknown", "a lifecycle"])
def test_what_is_no_flow_of_ours_is_bad_usage(shell: Shell, command: str, name: str) -> None:
    said = shell.call("flows", command, name)

    assert (said.code, said.out) == (2, "")
    assert said.err.startswith(f"waystate: there is no Flow {name}; there are: ")
    assert "personalised_offer" in said.err


@pytest.mark.parametrize("command", ["publish", "status"])
def test_what_meta_does_not_have_yet_is_told(shell: Shell, command: str) -> None:
    said = shell.call("flows", command, "purchase_interest")

    assert said == Said(
        1,
        err="Error: the account WAYSTATE_WABA_ID names has no Flow purchase_interest; "
        "`waystate flows push purchase_interest` makes it\n",
    )


@pytest.mark.parametrize(
    ("fault", "line"),
    [
        pytest.param(
            refused(190, 401, message=f"Malformed access token {TOKEN}"),
            "Graph refused (190); Malformed access token …; the token is wrong or has expired: make one for a system "
            "user and set WAYSTATE_ACCESS_TOKEN; for Meta's support: Atrace",
            id="the token",
        ),
        pytest.param(
            refused(200, 403, message="Permissions error"),
            "Graph refused (200); Permissions error; the token may not: give its system user the account, with "
            "whatsapp_business_messaging and whatsapp_business_management; for Meta's support: Atrace",
            id="a permission",
        ),
        pytest.param(
            refused(100, error_subcode=33, message="Unsupported get request."),
            "Graph refused (100/33); Unsupported get request.; no such thing is there for this token: check "
            "WAYSTATE_WABA_ID and WAYSTATE_PHONE_NUMBER_ID; for Meta's support: Atrace",
            id="another account",
        ),
        pytest.param(
            limited(60, 4),
            "Graph refused (4); (#4) API Too Many Calls; Meta asks to wait 60 s; for Meta's support: Atrace",
            id="too often",
        ),
    ],
)
def test_what_graph_refuses_is_one_line_that_says_what_to_do(
    shell: Shell, standin: GraphStandIn, fault: Fault, line: str
) -> None:
    standin.goes_wrong(fault)

    assert shell.call("flows", "status", "purchase_interest") == Said(1, err=f"Error: {line}\n")


def test_where_graph_is_not_that_is_told(shell: Shell) -> None:
    said = shell.call("flows", "status", "purchase_interest", GRAPH_URL="http://graph.invalid")

    line = "Error: Graph cannot be reached (connect); check the network and WAYSTATE_GRAPH_URL\n"
    assert said == Said(1, err=line)


def test_a_break_that_passes_is_not_noticed(shell: Shell, standin: GraphStandIn) -> None:
    shell.call("flows", "push", "purchase_interest")
    standin.goes_wrong(RESET_BEFORE, None, RESET_BEFORE)

    said = shell.call("flows", "status", "purchase_interest")

    assert (said.code, said.err, said.out.splitlines()[0]) == (0, "", "id       flow-1")


# Meta's paths


@pytest.mark.parametrize(
    ("path", "pointer"),
    [
        pytest.param("screens[0].layout.children[2].type", "/screens/0/layout/children/2/type", id="as it should be"),
        pytest.param("screens [0]. layout.children [0].type", "/screens/0/layout/children/0/type", id="as it is"),
        pytest.param("routing_model.FIRST", "/routing_model/FIRST", id="names"),
        pytest.param("screens[0].on-click-action", "/screens/0/on-click-action", id="a hyphen"),
        pytest.param("", None, id="none"),
        pytest.param("screens[x]", None, id="no number"),
        pytest.param("screens['a b']", None, id="another way to write"),
    ],
)
def test_metas_paths_are_read_as_pointers(path: str, pointer: str | None) -> None:
    assert pointer_of(FlowFault(pointers=(Pointed(path),))) == pointer


def test_a_fault_without_a_place_has_no_pointer() -> None:
    assert pointer_of(FlowFault()) is None


@given(st.text(max_size=60))
def test_whatever_meta_says_of_a_place_is_a_pointer_or_none(path: str) -> None:
    pointer = pointer_of(FlowFault(pointers=(Pointed(path),)))

    assert pointer is None or pointer.startswith("/")
