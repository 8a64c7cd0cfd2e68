"""
The lab's letterbox: an SMTP server that keeps the letters that it is given, for people to read them on a page.

Source: RFC 5321. Nothing is sent on; what is said in a conversation beyond a letter is answered with consent.
"""

import asyncio
import socket
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP

from msgspec import Struct

from lab.chat import now

KEPT = 100
MAX_OCTETS = 1024 * 1024
"""How long a letter may be."""


class Letter(Struct, frozen=True):
    """A letter that came."""

    at: str
    to: str
    subject: str
    text: str


class Letterbox:
    """The last letters, and the server at *url* that takes them for as long as it is `open`."""

    def __init__(self) -> None:
        self.letters: deque[Letter] = deque(maxlen=KEPT)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"smtp://127.0.0.1:{self._listener.getsockname()[1]}?from=orders@shop.example"

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Take letters for as long as the context lasts."""
        server = await asyncio.start_server(self._converse, sock=self._listener)
        try:
            yield
        finally:
            server.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Talk with whoever brings letters; one that speaks no SMTP is left."""
        with suppress(OSError, ValueError):
            writer.write(b"220 lab\r\n")
            while line := await reader.readline():
                word = line.strip().partition(b" ")[0].upper()
                if word == b"DATA":
                    writer.write(b"354 go on\r\n")
                    self._keep(await _letter(reader))
                writer.write(b"221 bye\r\n" if word == b"QUIT" else b"250 ok\r\n")
                await writer.drain()
                if word == b"QUIT":
                    break
        writer.close()

    def _keep(self, octets: bytes) -> None:
        letter = message_from_bytes(octets, policy=SMTP)
        assert isinstance(letter, EmailMessage)  # noqa: S101 - by that policy it is
        body = letter.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        lines = "\n".join(str(text).strip().splitlines())
        self.letters.append(Letter(now(), str(letter["To"]), str(letter["Subject"]), lines))


async def _letter(reader: asyncio.StreamReader) -> bytes:
    """
    Return a letter's octets.

    Raises:
        ValueError: it is too long.
    """
    octets = bytearray()
    while (line := await reader.readline()) not in {b".\r\n", b""}:
        octets += line.removeprefix(b".") if line.startswith(b"..") else line
        if len(octets) > MAX_OCTETS:
            raise ValueError
    return bytes(octets)
