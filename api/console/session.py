"""
One session: where it stands, the way it went, what it may do next; every step of it as it was then.

Rule 1: personal data is masked. An operator who has a reason is shown it on the one page that answers to it, and the
        audit log says so.
Rule 2: what staff do goes by the session desk, under their name, with a reason, and is in the audit log before it is
        done.
Rule 3: what was then is said as far as it is known: a step's data is kept, the context as it was is not.
"""

import hashlib
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Annotated, Any
from urllib.parse import unquote

import msgspec
from litestar import Response, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, QueryParameter
from msgspec import Meta, Struct

from api.clock import Clock
from api.console.addresses import session_address
from api.console.desk import REASON, reason_of
from api.console.door import AnyRequest, Page, demand, page, see
from api.console.effects import STATUSES, reason_in_words
from api.console.masking import masked
from api.console.pictures import STEPS_DRAWN, Picture, download, of_session, picture, suffix_of
from api.console.sessions import about
from api.console.standings import Standing, Tone, standing, standing_in
from api.forms import Fields
from api.problems import Refusal
from api.sessions import Act, SessionDesk, completed_media
from api.staff import StaffDesk, Visitor
from definitions.catalogue import Catalogue
from definitions.flow_compiler import COMPLETE, COMPLETED, DATA_EXCHANGE
from definitions.media import CompletedMedia, Media, MediaError
from definitions.results import without_file_keys
from diagrams import MEDIA_TYPES, Drawing
from engine.errors import StepError, UnknownInstance
from engine.family import Family
from engine.interpreter import Interpreter
from engine.model import SECOND, EffectStatus, Instance
from engine.ports import FamilyRecord, Store
from storage.queries import STORY_STEPS, EffectItem, JournalItem, Queries, StoryItem

STEPS_SHOWN = 100
"""How many steps a page shows: the newest, or those before a cursor."""

UNKNOWN_STEP = "The session has no such step."

LAST_SEQ = 2**63 - 2
"""The highest number that a step can have: the database's integers go one further."""

Seq = Annotated[int, Meta(ge=1, le=LAST_SEQ)]

LATE = 3600 * SECOND
"""How long after it happened something is heard of late, even if nothing that came after it was known."""

EFFECTS_SHOWN = 1000
"""How many effects of the steps on a page are told of."""


class Told(Struct, frozen=True):
    """An effect of a step, and in words what became of it: *title* is "" where that is not known."""

    name: str
    id: str = ""
    title: str = ""
    tone: Tone = ""
    reason: str = ""


class Line(Struct, frozen=True):
    """
    A step as the timeline shows it; *data* is masked unless it is shown on purpose.

    *late* and *echo* say that it was heard of late, and that it only repeats what the Flow's endpoint knew.
    """

    step: JournalItem
    source: Standing
    target: Standing
    data: Mapping[str, Any]
    effects: tuple[Told, ...]
    late: bool
    echo: bool

    @property
    def moved(self) -> bool:
        """Return whether it led to another state."""
        return self.step.source_state != self.step.target_state


class Scene(Struct, frozen=True):
    """A step of a story, as its page shows it."""

    item: StoryItem
    source: Standing
    target: Standing
    effects: tuple[Told, ...]
    echo: bool


class Member(Struct, frozen=True):
    """A session of the same family."""

    definition: str
    key: str
    title: str
    standing: Standing


class Choice(Struct, frozen=True):
    """An event that a session takes now, and the states it may lead to."""

    event: str
    leads: tuple[str, ...]


class Fault(Struct, frozen=True):
    """Why what somebody sent was not done, the field that can mend it, and what they sent."""

    text: str
    field: str
    event: str = ""
    data: str = ""
    reason: str = ""


class Moment(Struct, frozen=True):
    """The step that a page is of, with the steps before and after it if there are any."""

    line: Line
    earlier: int | None
    later: int | None


class Shown(Struct, frozen=True):
    """What the page of a session shows; *moment* is None where it is of now, *older* the cursor of earlier steps."""

    instance: Instance
    title: str
    standing: Standing
    since: int
    about: str
    lines: tuple[Line, ...]
    older: int | None
    moment: Moment | None
    picture: Picture
    choices: tuple[Choice, ...]
    members: tuple[Member, ...]
    conflicts: tuple[str, ...]
    context: Any
    files: tuple[CompletedMedia, ...]
    unmasked: bool
    form_id: str


class Reader:
    """Reads what pages of sessions show."""

    def __init__(self, catalogue: Catalogue, queries: Queries, store: Store, desk: SessionDesk, clock: Clock) -> None:
        self._catalogue = catalogue
        self._queries = queries
        self._store = store
        self._desk = desk
        self._clock = clock

    async def read(
        self, definition: str, key: str, *, at: int | None = None, before: int | None = None, unmasked: bool = False
    ) -> Shown:
        """
        Return what the page of a session shows, as of the step *at*, the steps before a cursor, personal data or not.

        Raises:
            UnknownInstance: there is no such session.
            Refusal: it has no such step.
        """
        instance = await self._desk.find(definition, key)
        interpreter = self._interpreter(instance)
        listed = await self._queries.journal_page(*instance.id, before, STEPS_SHOWN + 1)
        walked = await self._queries.journal_page(*instance.id, None if at is None else at + 1, STEPS_DRAWN)
        shown = {step.seq for step in (*listed[:STEPS_SHOWN], *walked[: 1 if at is not None else 0]) if step.effects}
        asked = await self._queries.effects(
            definition=instance.definition, key=instance.key, seqs=shown, limit=EFFECTS_SHOWN
        )
        lines = self._lines(interpreter, listed[:STEPS_SHOWN], asked, unmasked=unmasked)
        moment = None
        if at is not None:
            if not walked or walked[0].seq != at:
                raise Refusal(404, "unknown_step", UNKNOWN_STEP)
            (line,) = self._lines(interpreter, walked[:1], asked, unmasked=unmasked)
            later = at + 1 if listed and at < instance.steps else None
            moment = Moment(line, walked[1].seq if len(walked) > 1 else None, later)
        record = await self._store.load_family(instance.family) if instance.family else FamilyRecord()
        allowed = self._allowed(interpreter, instance, record)
        state = instance.state if moment is None else moment.line.step.target_state
        context = without_file_keys(dict(instance.context))
        return Shown(
            instance=instance,
            title=_title(interpreter, instance.definition),
            standing=standing(interpreter, state),
            since=next((step.occurred_at for step in walked if _moved(step)), instance.created_at),
            about=about(instance),
            lines=lines,
            older=listed[STEPS_SHOWN - 1].seq if len(listed) > STEPS_SHOWN else None,
            moment=moment,
            picture=await self._picture(interpreter, state, walked, () if moment else allowed),
            choices=_choices(interpreter, instance, allowed),
            members=tuple(self._members(instance, record)),
            conflicts=conflicts_of(instance),
            context=context if unmasked else masked(context),
            files=tuple(completed_media(instance)),
            unmasked=unmasked,
            form_id=secrets.token_hex(8),
        )

    async def story(self, instance: Instance) -> list[Scene]:
        """Return the latest of what happened around a session."""
        told = await self._queries.story(*instance.id, STORY_STEPS)
        return [
            Scene(
                item,
                standing_in(self._catalogue, item.definition, None, item.step.source_state),
                standing_in(self._catalogue, item.definition, None, item.step.target_state),
                tuple(_in_words(effect.name, "", effect.status, effect.reason) for effect in item.effects),
                _is_echo(item.step, _its_own(told, place)),
            )
            for place, item in enumerate(told)
        ]

    async def drawing(self, definition: str, key: str) -> Drawing:
        """
        Return the drawing of a session.

        Raises:
            UnknownInstance: there is no such session, or its version is not here.
        """
        instance = await self._desk.find(definition, key)
        interpreter = self._catalogue.interpreter(instance.definition, instance.version)
        walked = await self._queries.journal_page(*instance.id, None, STEPS_DRAWN)
        return of_session(interpreter.definition, instance.state, reversed(walked), interpreter.allowed(instance))

    def _interpreter(self, instance: Instance) -> Interpreter | None:
        try:
            return self._catalogue.interpreter(instance.definition, instance.version)
        except UnknownInstance:
            return None

    def _allowed(self, interpreter: Interpreter | None, instance: Instance, record: FamilyRecord) -> tuple[str, ...]:
        """Return the events that a session takes now, with what settles conflicts where it has a family."""
        if interpreter is None or instance.state not in interpreter.states:
            return ()
        if not instance.family:
            return interpreter.allowed(instance)
        definition, _, key = instance.family.partition("/")
        family = Family(self._catalogue.interpreter, (definition, key), record, self._clock())
        return family.allowed(instance) if instance.id in family.members else ()

    async def _picture(
        self, interpreter: Interpreter | None, state: str, walked: Sequence[JournalItem], allowed: tuple[str, ...]
    ) -> Picture:
        if interpreter is None:
            return Picture(missing="This server does not have the version that the session is on.")
        return await picture(of_session(interpreter.definition, state, reversed(walked), allowed))

    def _members(self, instance: Instance, record: FamilyRecord) -> Iterable[Member]:
        for member in sorted(record.instances, key=lambda member: (member.created_at, member.key)):
            if member.id != instance.id:
                interpreter = self._interpreter(member)
                title = _title(interpreter, member.definition)
                yield Member(*member.id, title, standing(interpreter, member.state))

    def _lines(
        self,
        interpreter: Interpreter | None,
        steps: Sequence[JournalItem],
        asked: Sequence[EffectItem],
        *,
        unmasked: bool,
    ) -> tuple[Line, ...]:
        return tuple(
            Line(
                step,
                standing(interpreter, step.source_state),
                standing(interpreter, step.target_state),
                without_file_keys(step.data) if unmasked else masked(without_file_keys(step.data)),
                tuple(_told(step, asked)),
                _is_late(step, steps),
                _is_echo(step, steps[place + 1 :]),
            )
            for place, step in enumerate(steps)
        )


def reader(
    catalogue: NamedDependency[Catalogue],
    queries: NamedDependency[Queries],
    store: NamedDependency[Store],
    sessions: NamedDependency[SessionDesk],
    clock: NamedDependency[Clock],
) -> Reader:
    """Return what reads sessions; a dependency of their pages."""
    return Reader(catalogue, queries, store, sessions, clock)


@get("/sessions/{definition:str}/{key:str}", include_in_schema=False)
async def session(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    definition: FromPath[str],
    key: FromPath[str],
    reader: NamedDependency[Reader],
    clock: NamedDependency[Clock],
    at: Annotated[int | None, QueryParameter(ge=1, le=LAST_SEQ)] = None,
    before: Annotated[int | None, QueryParameter(ge=1, le=LAST_SEQ)] = None,
) -> Page:
    """Show a session, as it is now or as it was at a step."""
    shown = await reader.read(unquote(definition), unquote(key), at=at, before=before)
    return _page(request, visitor, shown, clock)


@get("/sessions/{definition:str}/{key:str}/story", include_in_schema=False)
async def story(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    definition: FromPath[str],
    key: FromPath[str],
    sessions: NamedDependency[SessionDesk],
    reader: NamedDependency[Reader],
    clock: NamedDependency[Clock],
) -> Page:
    """Tell what happened around a session: to its family, to messages about it, in Flows that act on it."""
    instance = await sessions.find(unquote(definition), unquote(key))
    told = await reader.story(instance)
    full = len(told) == STORY_STEPS
    return page(request, visitor, "story.html", instance=instance, story=told, full=full, now=clock())


@get(
    [f"/sessions/{{definition:str}}/{{key:str}}/diagram.{suffix}" for suffix in MEDIA_TYPES],
    include_in_schema=False,
)
async def diagram(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],  # noqa: ARG001 - only staff may have it
    definition: FromPath[str],
    key: FromPath[str],
    reader: NamedDependency[Reader],
) -> Response[bytes]:
    """Give a session's diagram as a file."""
    drawing = await reader.drawing(unquote(definition), unquote(key))
    return await download(drawing, f"{unquote(definition)}-session", suffix_of(request))


@post("/sessions/{definition:str}/{key:str}/act", status_code=200, include_in_schema=False)
async def act(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    definition: FromPath[str],
    key: FromPath[str],
    sessions: NamedDependency[SessionDesk],
    staff: NamedDependency[StaffDesk],
    reader: NamedDependency[Reader],
    clock: NamedDependency[Clock],
) -> Page:
    """Let a session take an event, for a reason."""
    demand(visitor, "operator")
    about = unquote(definition), unquote(key)
    event, text = (fields.get(name, "").strip() for name in ("event", "data"))
    wrong = partial(Fault, event=event, data=text, reason=fields.get(REASON, ""))
    try:
        asked = _asked(fields, event, text, visitor)
    except Refusal as refused:
        shown = await reader.read(*about)
        return _page(request, visitor, shown, clock, refused.status, wrong(refused.detail, refused.code))
    if await sessions.took(*about, asked):  # it is the same form, sent again
        return see(session_address(*about))
    try:
        async with staff.noted(visitor, "acted", subject_of(*about), asked.reason, {"event": event}):
            await sessions.act(*about, asked)
    except StepError:
        shown = await reader.read(*about)
        return _page(request, visitor, shown, clock, 409, wrong(_not_possible(event, shown), "event"))
    return see(session_address(*about))


@post("/sessions/{definition:str}/{key:str}/reveal", status_code=200, include_in_schema=False)
async def reveal(
    request: AnyRequest,
    visitor: NamedDependency[Visitor],
    fields: NamedDependency[Fields],
    definition: FromPath[str],
    key: FromPath[str],
    staff: NamedDependency[StaffDesk],
    reader: NamedDependency[Reader],
    clock: NamedDependency[Clock],
) -> Page:
    """Show a session with its personal data, once, for a reason."""
    demand(visitor, "operator")
    step = _step(fields.get("at", ""))
    try:
        reason = reason_of(fields)
    except Refusal as refused:
        shown = await reader.read(unquote(definition), unquote(key), at=step)
        return _page(request, visitor, shown, clock, refused.status, reveal_fault=Fault(refused.detail, REASON))
    shown = await reader.read(unquote(definition), unquote(key), at=step, unmasked=True)
    await staff.note(visitor, "saw personal data", subject_of(*shown.instance.id), reason)
    return _page(request, visitor, shown, clock)


@get([f"/sessions/{{definition:str}}/{{key:str}}/{form}" for form in ("act", "reveal")], include_in_schema=False)
async def back_to_session(
    definition: FromPath[str],
    key: FromPath[str],
    visitor: NamedDependency[Visitor],  # noqa: ARG001 - strangers sign in first
) -> Page:
    """Lead who opens the address that a form is sent to, to the session."""
    return see(session_address(unquote(definition), unquote(key)))


@get("/sessions/{definition:str}/{key:str}/media/{media_id:str}", include_in_schema=False)
async def download_media(
    visitor: NamedDependency[Visitor],
    definition: FromPath[str],
    key: FromPath[str],
    media_id: FromPath[str],
    sessions: NamedDependency[SessionDesk],
    staff: NamedDependency[StaffDesk],
    media: NamedDependency[Media],
) -> Response[bytes]:
    """Give an operator a file that the customer completed the session with."""
    demand(visitor, "operator")
    instance = await sessions.find(unquote(definition), unquote(key))
    file = await sessions.media(*instance.id, unquote(media_id))
    if file is None:
        raise Refusal(404, "unknown_media", "The session brought no such file.")
    try:
        content = await media.fetch(file)
    except MediaError as error:
        raise Refusal(502, error.reason, "Meta did not give the file, or not as it was sent.") from None
    await staff.note(visitor, "downloaded a file", subject_of(*instance.id), details={"media_id": file.id})
    # What a customer sent is nothing for a browser to show: it is saved, whatever it calls itself.
    return Response(content, media_type="application/octet-stream", headers={"content-disposition": "attachment"})


def subject_of(definition: str, key: str) -> str:
    """Return what the audit log calls a session."""
    return f"session/{definition}/{key}"


def _page(
    request: AnyRequest,
    visitor: Visitor,
    shown: Shown,
    clock: Clock,
    status: int = 200,
    fault: Fault | None = None,
    reveal_fault: Fault | None = None,
) -> Page:
    values = {"shown": shown, "fault": fault, "reveal_fault": reveal_fault, "now": clock()}
    return page(request, visitor, "session.html", status, **values)


def _asked(fields: Fields, event: str, text: str, visitor: Visitor) -> Act:
    """
    Return what the form for an event asks for, with *text* as its data.

    Raises:
        Refusal: it does not say all that is needed; the code is the field that is wrong.
    """
    reason = reason_of(fields)
    if not event:
        raise Refusal(422, "event", "Please choose an event. Nothing was done.")
    if not fields.get("sure"):
        raise Refusal(422, "sure", "Please say that you are sure. Nothing was done.")
    try:
        data = msgspec.json.decode(text, type=dict[str, Any]) if text else {}
    except (msgspec.DecodeError, RecursionError):
        needed = 'The data must be a JSON object, such as {"answer": "yes"}. Nothing was done.'
        raise Refusal(422, "data", needed) from None
    return Act(event, _act_id(fields.get("form_id", ""), event, text, reason), data, reason, visitor.name)


def _act_id(form_id: str, *asked: str) -> str:
    """Return an act's identity: that of its form and of what is *asked* by it, the same where both are sent again."""
    said = hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:32]
    return f"console/{form_id}/{said}" if form_id else ""


def _step(text: str) -> int | None:
    """
    Return the number of the step that a field of a form names, None for nothing.

    Raises:
        Refusal: it is no number of a step.
    """
    try:
        return msgspec.convert(text, Seq, strict=False) if text else None
    except msgspec.ValidationError:
        raise Refusal(404, "unknown_step", UNKNOWN_STEP) from None


def _not_possible(event: str, shown: Shown) -> str:
    possible = ", ".join(choice.event for choice in shown.choices) or "nothing at all"
    return f"“{event}” was not possible: the session is in “{shown.standing.title}”. Possible now: {possible}."


def _title(interpreter: Interpreter | None, definition: str) -> str:
    return definition if interpreter is None else interpreter.definition.title or definition


def _moved(step: JournalItem) -> bool:
    return step.source_state != step.target_state


def _is_late(step: JournalItem, steps: Sequence[JournalItem]) -> bool:
    """Return whether a step was heard of long after it happened, or when something later was known already."""
    overtaken = any(
        other.recorded_at < step.recorded_at and other.occurred_at > step.occurred_at and not other.inferred
        for other in steps
    )
    return overtaken or step.recorded_at - step.occurred_at > LATE


def _its_own(told: Sequence[StoryItem], place: int) -> Iterator[JournalItem]:
    """Yield the steps of a story's session before the one at *place*, the latest first."""
    item = told[place]
    earlier = (told[before] for before in range(place - 1, -1, -1))
    return (each.step for each in earlier if (each.definition, each.key) == (item.definition, item.key))


def _is_echo(step: JournalItem, earlier: Iterable[JournalItem]) -> bool:
    """
    Return whether a step is the message that WhatsApp sends of a form which had ended at its endpoint.

    *earlier* are the steps before it, the latest first. A second such message is no echo.
    """
    if step.event != COMPLETE or _moved(step):
        return False
    told = next((other for other in earlier if _moved(other) or other.event == COMPLETE), None)
    return told is not None and told.event == DATA_EXCHANGE and told.target_state == COMPLETED


def _told(step: JournalItem, asked: Iterable[EffectItem]) -> Iterator[Told]:
    """Yield the effects of a step with what became of them."""
    candidates = [effect for effect in asked if effect.seq == step.seq]
    for name in step.effects:
        found = next((effect for effect in candidates if effect.name == name), None)
        if found is None:
            yield Told(name)
        else:
            candidates.remove(found)
            yield _in_words(name, found.key, found.status, found.reason)


def _in_words(name: str, key: str, status: EffectStatus, reason: str) -> Told:
    title, tone, _ = STATUSES[status]
    return Told(name, key, title, tone, reason_in_words(reason))


def _choices(interpreter: Interpreter | None, instance: Instance, allowed: tuple[str, ...]) -> tuple[Choice, ...]:
    if interpreter is None:
        return ()
    leads: dict[str, dict[str, None]] = {event: {} for event in allowed}
    for arrow in interpreter.definition.transitions:
        if arrow.source == instance.state and arrow.event in leads:
            leads[arrow.event][standing(interpreter, arrow.target).title] = None
    return tuple(Choice(event, (*titles,)) for event, titles in leads.items())


def conflicts_of(instance: Instance) -> tuple[str, ...]:
    """Return the facts that contradict how a session ended; only what is folded has any."""
    found = instance.context.get("conflicts", [])
    return tuple(str(fact) for fact in found) if isinstance(found, list) else ()
