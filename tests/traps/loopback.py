"""As much of the Hub as a download asks for, on this machine."""

import contextlib
import hashlib
import http.server
import json
import threading

import huggingface_hub

COMMIT = "a" * 40
REPOSITORY = "reader/tiny"


@contextlib.contextmanager
def hub(files: dict[str, bytes], status: int = 200, **headers: str):
    """Serve one repository with these files, or a status for whatever is asked.

    Gives the address, for `endpoint=`. The library's offline mode is switched off.
    """

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self):
            path = self.path.partition("?")[0]
            name = path.partition("/resolve/")[2].partition("/")[2]
            body, extra = b"", {}
            if status != 200:
                self.reply(status, b"", headers)
                return
            if "/tree/" in path:
                body = json.dumps([entry(name, data) for name, data in files.items()])
            elif path.startswith(f"/api/models/{REPOSITORY}"):
                siblings = [{"rfilename": name} for name in files]
                body = json.dumps(
                    {"id": REPOSITORY, "sha": COMMIT, "siblings": siblings}
                )
            elif name in files:
                body = files[name]
                extra = {
                    "ETag": f'"{entry(name, body)["oid"]}"',
                    "X-Repo-Commit": COMMIT,
                }
            else:
                self.reply(404, b"", {"X-Error-Code": "EntryNotFound"})
                return
            self.reply(200, body.encode() if isinstance(body, str) else body, extra)

        do_HEAD = do_GET

        def reply(self, code, body, extra):
            self.send_response(code)
            for key, value in extra.items():
                self.send_header(key.replace("_", "-"), value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if self.command == "GET":
                self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    huggingface_hub.constants.HF_HUB_OFFLINE = False
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()


def entry(name: str, data: bytes) -> dict:
    """Describe a file as the Hub's list of files does."""
    oid = hashlib.sha1(data).hexdigest()
    return {"type": "file", "path": name, "size": len(data), "oid": oid}
