"""
The files that customers send through a Flow, as its screens and its end tell of them, and how their bytes are had.

A PhotoPicker's or DocumentPicker's value is a list: of `Upload` where a screen is submitted, of `CompletedMedia` in the
message that the Flow ends with. A screen's form names the type, and its logic, asynchronous, fetches what it needs:

    class DamageForm(Struct):
        photos: list[Upload]

    @screens.submit("DAMAGE")
    async def damage_shown(session: Session, form: DamageForm) -> str:
        photo = await session.media.fetch(form.photos[0])

Source: Meta, "Media upload components".

Rule 1: what names a file or opens it is not shown by accident: none of it is in a value's text, nor in an error's.
"""

from typing import Protocol, runtime_checkable

from msgspec import Struct

from engine.errors import WorkflowError


class MediaKeys(Struct, frozen=True):
    """The `encryption_metadata` of a picked photo or document: what opens it and what it must be; all in base64."""

    encrypted_hash: str
    iv: str
    encryption_key: str
    hmac_key: str
    plaintext_hash: str

    def __repr__(self) -> str:
        return "MediaKeys()"  # Rule 1


class Upload(Struct, frozen=True):
    """
    A file of a picker in a submitted screen: encrypted, where a phone has put it; it lies there for 20 days at most.

    *media_id* is what a picker's `error-message` names the file by.
    """

    media_id: str
    cdn_url: str
    file_name: str
    encryption_metadata: MediaKeys

    def __repr__(self) -> str:
        return f"Upload({self.media_id})"  # Rule 1


class CompletedMedia(Struct, frozen=True):
    """A file of a picker in the message that ends a Flow: media of the Cloud API, its *sha256* in base64."""

    id: str
    mime_type: str
    sha256: str
    file_name: str = ""

    def __repr__(self) -> str:
        return f"CompletedMedia({self.id})"  # Rule 1


class MediaError(WorkflowError):
    """
    A file cannot be had; *reason* says why.

    - What tells of it is wrong: `media_address`, `media_host`, `media_private`, `media_id`, `media_metadata`.
    - It is not given: `media_unreachable`, `media_slow`, `media_redirect`, `media_denied`, `media_gone`,
      `media_status`, `media_answer`, `media_broken`, `media_no_token`, `media_nowhere`.
    - It is not the file that was sent: `media_size`, `media_hash`, `media_encrypted_hash`, `media_hmac`,
      `media_padding`, `media_plaintext_hash`.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@runtime_checkable
class Media(Protocol):
    """Whence the bytes of files are had."""

    async def fetch(self, file: Upload | CompletedMedia) -> bytes:
        """
        Return the file as it was on the customer's phone.

        Raises:
            MediaError: it cannot be had, or is not the file that was sent.
        """


class NoMedia:
    """Where no file is to be had: a session that stands alone."""

    async def fetch(self, file: Upload | CompletedMedia) -> bytes:  # noqa: ARG002 - whichever it is
        """
        Return no file.

        Raises:
            MediaError: always.
        """
        raise MediaError("media_nowhere")
