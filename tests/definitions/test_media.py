from typing import Any

import msgspec
import pytest
from msgspec import Struct

from definitions.media import CompletedMedia, Media, MediaError, MediaKeys, NoMedia, Upload

KEYS = {name: f"the {name}" for name in MediaKeys.__struct_fields__}
PICKED = {
    "media_id": "790aba14",
    "cdn_url": "https://mmg.whatsapp.net/v/secret",
    "file_name": "IMG_5237.jpg",
    "encryption_metadata": KEYS,
}
COMPLETED = {"id": "3631120727156756", "mime_type": "image/jpeg", "sha256": "PqHg", "file_name": "IMG_5237.jpg"}


class Form(Struct):
    """What a screen with a picker submits."""

    photos: list[Upload]


class End(Struct):
    """What a Flow with a picker ends with."""

    photos: list[CompletedMedia]


def test_a_form_names_the_files_that_a_picker_submits() -> None:
    form = msgspec.convert({"photos": [PICKED, PICKED]}, Form)

    upload = Upload("790aba14", "https://mmg.whatsapp.net/v/secret", "IMG_5237.jpg", MediaKeys(**KEYS))
    assert form == Form([upload, upload])


def test_what_a_form_submits_is_kept_as_it_came() -> None:
    assert msgspec.to_builtins(msgspec.convert({"photos": [PICKED]}, Form)) == {"photos": [PICKED]}


@pytest.mark.parametrize("missing", [*PICKED, *(f"encryption_metadata.{name}" for name in KEYS)])
def test_an_upload_is_none_that_lacks_what_it_is_fetched_by(missing: str) -> None:
    picked: dict[str, Any] = {**PICKED, "encryption_metadata": {**KEYS}}
    part, _, key = missing.rpartition(".")
    del (picked[part] if part else picked)[key]

    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"photos": [picked]}, Form)


def test_the_message_that_ends_a_flow_names_its_files() -> None:
    end = msgspec.convert({"photos": [COMPLETED]}, End)

    assert end == End([CompletedMedia("3631120727156756", "image/jpeg", "PqHg", "IMG_5237.jpg")])


@pytest.mark.parametrize(
    ("picked", "kind", "shown"),
    [
        (PICKED, Upload, "Upload(790aba14)"),
        (KEYS, MediaKeys, "MediaKeys()"),
        (COMPLETED, CompletedMedia, "CompletedMedia(3631120727156756)"),
    ],
)
def test_neither_keys_nor_names_nor_addresses_are_in_a_values_text(picked: Any, kind: type, shown: str) -> None:
    assert repr(msgspec.convert(picked, kind)) == shown


async def test_a_session_that_stands_alone_has_no_files() -> None:
    media: Media = NoMedia()

    with pytest.raises(MediaError, match=r"^media_nowhere$"):
        await media.fetch(msgspec.convert(PICKED, Upload))
