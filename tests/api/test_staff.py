"""The staff desk: who is let in, as what, and what is kept of them."""

import asyncio
from collections.abc import Awaitable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.staff import FIRST, MOST_CLIENTS, ROLES, NameTaken, StaffDesk, TooManyTries, UnknownStaff, Visitor, hashed
from api.staff_rows import StaffSession
from tests.api.serving import FakeClock, Server
from tests.builders import HOUR, MINUTE

ADMIN = Visitor(FIRST, "administrator")


@pytest.mark.parametrize(
    ("role", "may"),
    [
        ("viewer", ["viewer"]),
        ("operator", ["viewer", "operator"]),
        ("administrator", ["viewer", "operator", "administrator"]),
    ],
)
def test_a_role_may_do_what_lesser_ones_may(role: str, may: list[str]) -> None:
    visitor = Visitor("Vera", next(each for each in ROLES if each == role))
    assert [each for each in ROLES if visitor.may(each)] == may


def test_nothing_that_is_kept_opens_anything(server: Server) -> None:
    staff = server.parts.staff
    token = server.run(lambda: staff.engage(ADMIN, "Vera", "viewer"))
    secret, visitor = server.run(lambda: staff.sign_in(token, "a client")) or ("", ADMIN)

    (member,) = server.run(staff.everybody)
    (visit,) = server.run(lambda: server.parts.store.find(StaffSession))

    assert (member.token_hash, visit.id_hash) == (hashed(token), hashed(secret))
    for kept in (member.token_hash, visit.id_hash, visit.csrf, "", visitor.csrf):
        assert server.run(lambda kept=kept: staff.bearer(kept)) is None  # type: ignore[misc]
        assert server.run(lambda kept=kept: staff.visitor(kept)) is None  # type: ignore[misc]


def test_a_name_is_given_once_for_ever(server: Server) -> None:
    staff = server.parts.staff
    server.run(lambda: staff.engage(ADMIN, "Vera", "viewer"))
    server.run(lambda: staff.dismiss(ADMIN, "Vera"))

    for name in ("Vera", FIRST):
        with pytest.raises(NameTaken):
            server.run(lambda name=name: staff.engage(ADMIN, name, "viewer"))  # type: ignore[misc]


def test_of_two_who_give_a_name_at_once_one_is_told_that_it_is_taken(server: Server) -> None:
    staff = server.parts.staff

    async def both() -> list[str | BaseException]:
        engaged = (staff.engage(ADMIN, "Vera", role) for role in ROLES[:2])
        return await asyncio.gather(*engaged, return_exceptions=True)

    token, refused = server.run(both)

    assert isinstance(refused, NameTaken)
    assert server.run(lambda: staff.bearer(str(token))) == Visitor("Vera", "viewer")
    assert [member.role for member in server.run(staff.everybody)] == ["viewer"]


@pytest.mark.parametrize("dismissed_first", [True, False])
def test_a_role_that_is_given_while_somebody_is_dismissed_lets_nobody_back_in(
    server: Server, dismissed_first: bool
) -> None:
    staff = server.parts.staff
    token = server.run(lambda: staff.engage(ADMIN, "Vera", "viewer"))

    async def both() -> None:
        dismissal, change = staff.dismiss(ADMIN, "Vera"), staff.change(ADMIN, "Vera", "operator")
        await asyncio.gather(*([dismissal, change] if dismissed_first else [change, dismissal]))

    server.run(both)
    assert server.run(lambda: staff.bearer(token)) is None
    assert [member.role for member in server.run(staff.everybody)] == ["operator"]


def test_a_changed_role_leaves_who_has_no_access_without(server: Server) -> None:
    staff = server.parts.staff
    token = server.run(lambda: staff.engage(ADMIN, "Vera", "viewer"))
    server.run(lambda: staff.dismiss(ADMIN, "Vera"))

    server.run(lambda: staff.change(ADMIN, "Vera", "operator"))

    assert server.run(lambda: staff.bearer(token)) is None
    assert [member.role for member in server.run(staff.everybody)] == ["operator"]


def test_who_does_not_work_here_is_neither_changed_nor_dismissed(server: Server) -> None:
    staff = server.parts.staff
    for asked in (lambda: staff.change(ADMIN, "nobody", "operator"), lambda: staff.dismiss(ADMIN, "nobody")):
        with pytest.raises(UnknownStaff):
            server.run(asked)
    assert server.run(staff.everybody) == []


def test_visits_that_are_over_are_dropped_and_the_others_stay(server: Server) -> None:
    staff, token = server.parts.staff, server.world.admin_token
    server.run(lambda: staff.sign_in(token, "a client"))
    server.clock.move(6 * HOUR)
    server.run(lambda: staff.sign_in(token, "a client"))

    for hours, left in ((0, 2), (6, 1), (6, 0)):
        server.clock.move(hours * HOUR)
        server.run(staff.forget_visits)
        assert len(server.run(lambda: server.parts.store.find(StaffSession))) == left


def test_where_no_first_token_is_set_nobody_is_first(server: Server) -> None:
    staff = StaffDesk(server.parts.store, server.clock, "")
    assert server.run(lambda: staff.bearer("")) is None
    assert server.run(lambda: staff.bearer(server.world.admin_token)) is None


class NobodyHere:
    """A store in which there is nobody."""

    async def find(self, _: object, **__: object) -> list[object]:
        """Find nothing."""
        return []


def run(work: Awaitable[object]) -> object:
    """Do *work* that waits for nothing real."""

    async def do() -> object:
        return await work

    return asyncio.run(do())


@given(st.lists(st.tuples(st.sampled_from("ABC"), st.integers(0, 4 * MINUTE)), max_size=60))
def test_no_client_ever_tries_more_than_ten_wrong_tokens_in_a_quarter_of_an_hour(tries: list[tuple[str, int]]) -> None:
    clock, heard = FakeClock(), dict[str, list[int]]()
    staff = StaffDesk(NobodyHere(), clock, "the right one")  # type: ignore[arg-type]
    for client, passing in tries:
        clock.move(passing)
        recent = [at for at in heard.get(client, []) if clock.now - at < 15 * MINUTE]
        if len(recent) < 10:
            assert run(staff.sign_in("a wrong one", client)) is None
            heard[client] = [*recent, clock.now]
        else:
            with pytest.raises(TooManyTries) as refused:
                run(staff.sign_in("a wrong one", client))
            assert refused.value.wait == recent[0] + 15 * MINUTE - clock.now


def test_no_more_clients_are_remembered_than_fit() -> None:
    staff = StaffDesk(NobodyHere(), FakeClock(), "the right one")  # type: ignore[arg-type]

    async def tries() -> None:
        for place in range(MOST_CLIENTS + 50):
            await staff.sign_in("a wrong one", f"client {place}")

    asyncio.run(tries())

    assert len(staff._wrong) == MOST_CLIENTS
