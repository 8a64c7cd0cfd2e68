"""The versions that a document names."""

from typing import Any

import pytest

from definitions.flow_json.checks import versions
from definitions.flow_json.document import read_document
from definitions.flow_json.examples import asking, endpoint_flow, flow, last
from definitions.flow_json.table import VERSIONS


def found(document: dict[str, Any]) -> list[tuple[str, str, str]]:
    return [(each.pointer, each.code, each.severity) for each in versions.problems(read_document(document))]


def test_every_version_that_can_be_published_is_sound() -> None:
    names = [f"{major}.{minor}" for major, minor in VERSIONS]

    told = {name: found(flow(last(), version=name)) for name in names}

    old = [("/version", "INVALID_FLOW_JSON_VERSION_STATE", "warning")]
    assert [name for name, problems in told.items() if problems == old] == ["2.1", "3.0", "3.1", "4.0", "5.0"]
    assert [name for name, problems in told.items() if not problems] == [
        "5.1", "6.0", "6.1", "6.2", "6.3", "7.0", "7.1", "7.2", "7.3",
    ]  # fmt: skip


NO_TEXTS: list[Any] = [7.3, 100, None, [7, 3], {}, True]


@pytest.mark.parametrize(
    ("version", "code", "severity"),
    [
        *((value, "UNSUPPORTED_FLOW_JSON_VERSION", "error") for value in NO_TEXTS),
        *((value, "UNAVAILABLE_FLOW_JSON_VERSION", "error") for value in ("A.B", "v7.3", "seven")),
        *(
            (value, "INVALID_FLOW_JSON_VERSION", "error")
            for value in (
                "",
                "7",
                "7.",
                "7.3.1",
                "7.333",
                "2024.0",
                "6.4",
                "0.0",
                "\u0667.3",
                " 7.3",
                "9" * 5000 + ".1",
            )
        ),
        *((value, "UNSUPPORTED_FLOW_JSON_VERSION", "error") for value in ("1.0", "2.0", "0.1")),
        *((value, "UNAVAILABLE_FLOW_JSON_VERSION", "warning") for value in ("7.4", "7.10", "8.0", "99.99")),
    ],
)
def test_a_version_that_there_is_not_is_told(version: Any, code: str, severity: str) -> None:
    assert found(flow(last(), version=version)) == [("/version", code, severity)]


def test_a_document_without_a_version_says_so_once() -> None:
    assert found({"screens": []}) == [("", "MISSING_FLOW_JSON_VERSION", "error")]


@pytest.mark.parametrize(
    ("version", "api", "code"),
    [
        ("7.3", "3.0", ""),
        ("7.3", "4.0", ""),
        ("2.1", "3.0", ""),
        ("7.2", "4.0", "NO_SUPPORTED_DATA_API_VERSION"),
        ("7.3", "2.0", "INVALID_DATA_API_VERSION"),
        ("7.3", 3.0, "INVALID_DATA_API_VERSION"),
        ("7.3", None, "INVALID_DATA_API_VERSION"),
        ("A.B", "C.D", "NO_SUPPORTED_DATA_API_VERSION"),
    ],
)
def test_the_data_api_is_spoken_by_the_version(version: str, api: Any, code: str) -> None:
    document = {**endpoint_flow(asking(), version=version), "data_api_version": api}

    told = [problem for problem in found(document) if problem[0] == "/data_api_version"]
    assert told == ([("/data_api_version", code, "error")] if code else [])
