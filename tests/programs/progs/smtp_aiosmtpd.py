import smtplib
from email.message import EmailMessage

from aiosmtpd.controller import Controller


class Keep:
    def __init__(self):
        self.mails = []

    async def handle_DATA(self, server, session, envelope):
        self.mails.append((envelope.mail_from, envelope.rcpt_tos, envelope.content))
        return "250 kept"


keep = Keep()
controller = Controller(keep, hostname="127.0.0.1", port=8025)
controller.start()
for i in range(3):
    mail = EmailMessage()
    mail["Subject"] = f"number {i}"
    mail["From"], mail["To"] = "a@example.org", "b@example.org"
    mail.set_content("hello\n" * 5000)
    with smtplib.SMTP("127.0.0.1", 8025, timeout=20) as s:
        assert s.ehlo()[0] == 250
        s.send_message(mail)
controller.stop()
assert [m[0] for m in keep.mails] == ["a@example.org"] * 3
assert all(b"hello" in m[2] for m in keep.mails)
print("ok")
