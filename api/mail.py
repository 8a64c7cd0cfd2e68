"""
E-mail: what is sent through the SMTP server that the settings name.

Source: RFC 8314: a password goes over an encrypted connection only, `smtps` from its beginning or STARTTLS.

Rule 1: without a server nothing is sent; in development the log has it instead, so that one can go on.
"""

import asyncio
import smtplib
import ssl
from email.message import EmailMessage
from email.utils import make_msgid
from typing import Self
from urllib.parse import parse_qs, unquote, urlsplit

import structlog
from msgspec import Struct

from api.settings import LOOPBACK, Settings

LOG = structlog.get_logger()

SECONDS = 20.0
"""How long the server may take for each thing that it is told."""

PORTS = {"smtp": 587, "smtps": 465}


class NoMailServer(Exception):
    """The settings name no SMTP server, or none that can be used."""


class Mail(Struct, frozen=True):
    """A letter."""

    to: str
    subject: str
    text: str


class Mailer(Struct, frozen=True):
    """
    Sends letters through the server at *url*, `smtp[s]://user:password@host:port?from=shop@example.com`.

    *logs* says that without one the log has them.
    """

    url: str = ""
    logs: bool = False

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return what sends e-mail as the settings say."""
        return cls(settings.smtp_url, settings.development)

    @property
    def can_send(self) -> bool:
        """Return whether somebody could read what is sent."""
        return bool(self.url) or self.logs

    async def send(self, mail: Mail) -> None:
        """
        Send a letter.

        Raises:
            NoMailServer: there is none.
            OSError: it could not be sent; smtplib's errors are such.
        """
        if self.url:
            await asyncio.to_thread(self._hand_over, mail)
        elif self.logs:
            LOG.info("mail_not_sent", why="there is no SMTP server in development", text=mail.text)
        else:
            raise NoMailServer

    def _hand_over(self, mail: Mail) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in PORTS or not parts.hostname:
            raise NoMailServer
        port = parts.port or PORTS[parts.scheme]
        user, password = unquote(parts.username or ""), unquote(parts.password or "")
        named = parse_qs(parts.query).get("from", [])
        sender = named[0] if named else user if "@" in user else f"orders@{parts.hostname}"
        secured = ssl.create_default_context()
        if parts.scheme == "smtps":
            server: smtplib.SMTP = smtplib.SMTP_SSL(parts.hostname, port, timeout=SECONDS, context=secured)
        else:
            server = smtplib.SMTP(parts.hostname, port, timeout=SECONDS)
        with server:
            server.ehlo()
            if parts.scheme == "smtp" and (server.has_extn("starttls") or parts.hostname not in LOOPBACK):
                server.starttls(context=secured)
                server.ehlo()
            if user:
                server.login(user, password)
            server.send_message(_letter(mail, sender))


def _letter(mail: Mail, sender: str) -> EmailMessage:
    letter = EmailMessage()
    letter["From"] = sender
    letter["To"] = mail.to
    letter["Subject"] = mail.subject
    letter["Message-ID"] = make_msgid(domain=sender.rpartition("@")[2])
    letter["Auto-Submitted"] = "auto-generated"
    letter.set_content(mail.text)
    return letter
