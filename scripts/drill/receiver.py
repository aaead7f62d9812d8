"""Stands for the mail server and for the webhook of the operators' alarms: prints a line for what arrives.

Runs by itself in a container, with the standard library only.
"""

import json
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import StreamRequestHandler, ThreadingTCPServer
from threading import Thread

WEBHOOK_PORT, MAIL_PORT = 9000, 1025


class Webhook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        sent = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        for alert in sent["alerts"]:
            say(f"alarm {alert['labels']['alertname']} {alert['status']}")
        self.send_response(200)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Nothing but what arrived."""


class Mail(StreamRequestHandler):
    def handle(self) -> None:
        self.reply("220 receiver")
        while line := self.rfile.readline().decode().strip():
            verb = line.split(":")[0].upper()
            if verb == "DATA":
                self.reply("354 go on")
                while self.rfile.readline().strip() != b".":
                    pass
            elif verb == "RCPT TO":
                say(f"mail {line.partition(':')[2]}")
            self.reply("221 bye" if verb == "QUIT" else "250 ok")

    def reply(self, text: str) -> None:
        self.wfile.write(f"{text}\r\n".encode())


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    Thread(target=ThreadingTCPServer(("", MAIL_PORT), Mail).serve_forever, daemon=True).start()
    ThreadingHTTPServer(("", WEBHOOK_PORT), Webhook).serve_forever()
    return 0


if __name__ == "__main__":
    sys.exit(main())
