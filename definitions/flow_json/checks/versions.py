"""
The versions a document names: of Flow JSON, and of the data API that its endpoint speaks.

Source: Meta, "Versioning", "Changelog" and "Flows error codes". Meta's page lets a version that is no text be
unsupported, one that is no number unavailable, and any other that there is not invalid; so do we.
"""

from collections.abc import Iterator

from definitions.flow_json.document import FlowDocument
from definitions.flow_json.examples import asking, endpoint_flow, flow, last
from definitions.flow_json.rule import ERROR_CODES, FLOW_JSON, REFUSED, VERSIONING, error, warning
from definitions.flow_json.table import DATA_API_VERSIONS, NEWEST, OLDEST, PUBLISHABLE, VERSIONS
from engine.errors import Problem


def problems(flow: FlowDocument) -> Iterator[Problem]:
    """Yield what is wrong with the versions that a document names."""
    if "version" not in flow.document:
        yield MISSING.at("", "the document names no `version`")
    else:
        yield from _flow_json_problems(flow)
    if "data_api_version" in flow.document:
        yield from _data_api_problems(flow)


# Flow JSON

MISSING = error(
    "version-missing",
    "MISSING_FLOW_JSON_VERSION",
    "A Flow names its Flow JSON version.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks={"screens": [last()]},
    keeps=flow(last()),
)
NO_TEXT = error(
    "version-text",
    "UNSUPPORTED_FLOW_JSON_VERSION",
    "The version is a text of two numbers.",
    why="Meta refuses a number: 1.10 comes after 1.9, and as numbers it would not.",
    source=ERROR_CODES,
    breaks={"version": 7.3, "screens": [last()]},
    keeps=flow(last()),
)
NO_NUMBER = error(
    "version-number",
    "UNAVAILABLE_FLOW_JSON_VERSION",
    "The version is made of numbers.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks=flow(last(), version="seven.three"),
    keeps=flow(last()),
)
UNKNOWN = error(
    "version-known",
    "INVALID_FLOW_JSON_VERSION",
    "The version is one that Meta has published.",
    why=REFUSED,
    source=VERSIONING,
    breaks=flow(last(), version="6.7"),
    keeps=flow(last(), version="6.3"),
)
EXPIRED = error(
    "version-supported",
    "UNSUPPORTED_FLOW_JSON_VERSION",
    f"The version is {OLDEST[0]}.{OLDEST[1]} or later.",
    why="Meta supports no older one any more.",
    source=VERSIONING,
    breaks=flow(last(), version="1.0"),
    keeps=flow(last()),
)
NEWER = warning(
    "version-newer",
    "UNAVAILABLE_FLOW_JSON_VERSION",
    f"The version is one that this linter knows: up to {NEWEST[0]}.{NEWEST[1]}.",
    why="What a later version added or forbids is not checked, and Meta may not have opened it to your account yet.",
    source=VERSIONING,
    breaks=flow(last(), version="8.0"),
    keeps=flow(last()),
)
FROZEN = warning(
    "version-publishable",
    "INVALID_FLOW_JSON_VERSION_STATE",
    f"The version can still be published with: {min(PUBLISHABLE)[0]}.{min(PUBLISHABLE)[1]} or later.",
    why="A Flow of an older version can be sent while Meta allows it, but neither published nor edited.",
    source=VERSIONING,
    breaks=flow(last(), version="4.0"),
    keeps=flow(last()),
)


def _flow_json_problems(flow: FlowDocument) -> Iterator[Problem]:
    value, version = flow.document["version"], flow.version
    said = str(value)[:20]
    if not isinstance(value, str):
        yield NO_TEXT.at("/version", 'the version must be a text, such as "7.3"')
    elif any(map(str.isalpha, value)):
        yield NO_NUMBER.at("/version", f"there is no version {said}: a version is two numbers, such as 7.3")
    elif version > NEWEST:
        yield NEWER.at("/version", f"{said} is newer than {NEWEST[0]}.{NEWEST[1]}, the newest that is known here")
    elif (0, 0) < version < OLDEST:
        yield EXPIRED.at("/version", f"{said} is not supported any more")
    elif version not in VERSIONS:
        yield UNKNOWN.at("/version", f"there is no version {said}")
    elif version not in PUBLISHABLE:
        yield FROZEN.at("/version", f"a Flow of version {said} can no longer be published")


# The data API

UNKNOWN_API = error(
    "data-api-version",
    "INVALID_DATA_API_VERSION",
    f"data_api_version is one of {', '.join(DATA_API_VERSIONS)}.",
    why=REFUSED,
    source=FLOW_JSON,
    breaks={**endpoint_flow(asking()), "data_api_version": "2.0"},
    keeps=endpoint_flow(asking()),
)
API_UNKNOWN = error(
    "data-api-version-of-known-version",
    "NO_SUPPORTED_DATA_API_VERSION",
    "A data API version is asked for by a document whose Flow JSON version is known.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks={**endpoint_flow(asking(), version="A.B"), "data_api_version": "C.D"},
    keeps=endpoint_flow(asking()),
)
API_TOO_NEW = error(
    "data-api-version-for-version",
    "NO_SUPPORTED_DATA_API_VERSION",
    "The Flow JSON version speaks the data API version that is asked for: 4.0 from 7.3 on.",
    why=REFUSED,
    source=ERROR_CODES,
    breaks={**endpoint_flow(asking(), version="7.2"), "data_api_version": "4.0"},
    keeps={**endpoint_flow(asking()), "data_api_version": "4.0"},
)


def _data_api_problems(flow: FlowDocument) -> Iterator[Problem]:
    value = flow.document["data_api_version"]
    since = DATA_API_VERSIONS.get(value) if isinstance(value, str) else None
    if since is None and "version" in flow.document and flow.version not in VERSIONS:
        yield API_UNKNOWN.at("/data_api_version", "no data API version is known for this version of Flow JSON")
    elif since is None:
        yield UNKNOWN_API.at("/data_api_version", f"data_api_version must be {' or '.join(DATA_API_VERSIONS)}")
    elif OLDEST <= flow.version < since:
        message = f"data API {value} needs Flow JSON {since[0]}.{since[1]} or later"
        yield API_TOO_NEW.at("/data_api_version", message)
