"""
Who works here: administrators let people in, say what they may do, and end that.

Rule 1: a token is shown once, in the answer to who made it, and kept nowhere but as a hash.
Rule 2: whoever lets somebody in, gives them another role or ends their access says why.
"""

from urllib.parse import quote, unquote

from litestar import get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, FromQuery

from api.clock import Clock
from api.console.desk import REASON, STAFF, reason_of, said_done
from api.console.door import AnyRequest, Page, demand, page, see
from api.forms import Fields
from api.problems import Refusal
from api.staff import FIRST, ROLES, NameTaken, Role, StaffDesk, UnknownStaff, Visitor

LONGEST_NAME = 64

MAY: dict[Role, str] = {
    "viewer": "looks at everything, personal data masked, and changes nothing",
    "operator": "acts: answers, chooses for customers, retries; sees personal data for a reason",
    "administrator": "does all that, and says who works here",
}
"""What each role may do, in words."""


@get("/staff", include_in_schema=False)
async def staff_page(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
    done: FromQuery[str] = "",
) -> Page:
    """List who works here."""
    return await _listed(request, visitor, staff, clock(), done=said_done(done))


@post("/staff", status_code=200, include_in_schema=False)
async def engage(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    staff: NamedDependency[StaffDesk],
    clock: NamedDependency[Clock],
) -> Page:
    """Let somebody work here, and show their token this once."""
    demand(visitor, "administrator")
    name = fields.get("name", "").strip()
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        fault = f"A name has 1 to {LONGEST_NAME} printable characters."
        return await _listed(request, visitor, staff, clock(), status=422, fault=fault, fields=fields)
    try:
        token = await staff.engage(visitor, name, _role(fields), reason_of(fields))
    except NameTaken:
        fault = "Somebody of that name works here, or did: names are never given twice, for the audit log's sake."
        return await _listed(request, visitor, staff, clock(), status=409, fault=fault, fields=fields)
    return await _listed(request, visitor, staff, clock(), engaged=name, token=token)


@post("/staff/{name:str}/role", status_code=303, include_in_schema=False)
async def change_role(
    name: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    staff: NamedDependency[StaffDesk],
) -> Page:
    """Give somebody another role."""
    demand(visitor, "administrator")
    reason, role = reason_of(fields), _role(fields)
    try:
        await staff.change(visitor, unquote(name), role, reason)
    except UnknownStaff:
        raise _nobody() from None
    return see(f"{STAFF}?done=role")


@post("/staff/{name:str}/dismiss", status_code=303, include_in_schema=False)
async def dismiss(
    name: FromPath[str],
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    staff: NamedDependency[StaffDesk],
) -> Page:
    """End somebody's access, at once."""
    demand(visitor, "administrator")
    reason = reason_of(fields)
    try:
        await staff.dismiss(visitor, unquote(name), reason)
    except UnknownStaff:
        raise _nobody() from None
    return see(f"{STAFF}?done=gone")


async def _listed(
    request: AnyRequest,
    visitor: Visitor,
    staff: StaffDesk,
    now: int,
    *,
    status: int = 200,
    done: str = "",
    fault: str = "",
    fields: Fields | None = None,
    engaged: str = "",
    token: str = "",
) -> Page:
    demand(visitor, "administrator")
    return page(
        request,
        visitor,
        "staff.html",
        status,
        now=now,
        everybody=[(member, f"{STAFF}/{quote(member.name, safe='')}") for member in await staff.everybody()],
        first=FIRST,
        roles=ROLES,
        may=MAY,
        done=done,
        fault=fault,
        given=(fields or {}).get("name", ""),
        chosen=(fields or {}).get("role", ROLES[0]),
        why=(fields or {}).get(REASON, ""),
        engaged=engaged,
        token=token,
    )


def _role(fields: Fields) -> Role:
    """
    Return the role that a form names.

    Raises:
        Refusal: it is none.
    """
    role = next((each for each in ROLES if each == fields.get("role")), None)
    if role is None:
        raise Refusal(422, "role", "A role is one of " + ", ".join(ROLES) + ".")
    return role


def _nobody() -> Refusal:
    return Refusal(404, "unknown_staff", "Nobody of that name works here.")
