"""E-mail as an SMTP server hears it."""

import smtplib

import pytest
from structlog.testing import capture_logs

from api.mail import Mail, Mailer, NoMailServer
from tests.standins.smtp import an_smtp_server

MAIL = Mail("asha@shop.example", "Your order from Dhruv Foods", "Your code: 012345\n\n.\nधन्यवाद\n")


async def test_a_letter_arrives_as_it_was_written() -> None:
    with an_smtp_server() as server:
        await Mailer(server.url).send(MAIL)

    (letter,) = server.letters
    assert (letter["From"], letter["To"], letter["Subject"]) == ("orders@shop.example", MAIL.to, MAIL.subject)
    assert letter.get_content().replace("\r\n", "\n") == MAIL.text
    assert letter["Message-ID"].endswith("@shop.example>")


async def test_what_the_server_does_not_take_is_an_error() -> None:
    with an_smtp_server() as server:
        server.refuses = True
        with pytest.raises(smtplib.SMTPException):
            await Mailer(server.url).send(MAIL)

    with pytest.raises(OSError, match="refused"):
        await Mailer(server.url).send(MAIL)


async def test_without_a_server_development_logs_and_production_refuses() -> None:
    with capture_logs() as logged:
        await Mailer("", logs=True).send(MAIL)

    assert [entry["text"] for entry in logged] == [MAIL.text]
    assert MAIL.to not in str(logged)
    with pytest.raises(NoMailServer):
        await Mailer("").send(MAIL)
    assert [Mailer("", logs=True).can_send, Mailer("").can_send, Mailer("smtp://x").can_send] == [True, False, True]


@pytest.mark.parametrize("url", ["imap://mail.example", "smtp://"])
async def test_an_address_that_is_no_mail_server_s_is_refused(url: str) -> None:
    with pytest.raises(NoMailServer):
        await Mailer(url).send(MAIL)
