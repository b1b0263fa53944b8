"""A Hub on this machine: what the real clients read and write, and the ways in which it fails."""

import base64
import contextlib
import fnmatch
import functools
import hashlib
import http.server
import json
import mmap
import os
import re
import socket
import socketserver
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit

import huggingface_hub

LARGE = (".safetensors", ".bin", ".parquet", ".arrow", ".h5")  # kept as LFS files
TREES = {"models": "model", "datasets": "dataset", "spaces": "space"}
REPOSITORY = "reader/tiny"  # of `hub`
# What a failure answers: status, the Hub's word for it, its sentence.
REFUSALS = {
    401: ("RepoNotFound", "Repository not found"),
    403: ("GatedRepo", "Access to this repository is restricted"),
    404: ("RepoNotFound", "Repository not found"),
    429: (None, None),
    500: (None, "Internal Error"),
    503: (None, None),
}
# Ids of one part are asked for as well: the client does not know that they are gone.
ASKED = re.compile(
    r"/api/(models|datasets|spaces)"
    r"/([^/]+(?:/(?!(?:revision|tree|paths-info|preupload|commits?|refs)(?:/|$))[^/]+)?)(?:/(.*))?"
)
STALLS = ("hang", "hang body", "cut", "wrong bytes")


@dataclass
class Revision:
    """The files of a repository at one commit."""

    sha: str
    files: dict[str, bytes]
    message: str


@dataclass
class Repository:
    """A repository: its revisions, the oldest first."""

    kind: str
    name: str
    revisions: list[Revision] = field(default_factory=list)
    gated: bool = False

    def commit(self, files: dict[str, bytes], message: str = "Initial commit") -> str:
        """Add a revision that holds exactly these files."""
        content = hashlib.sha1(f"{self.kind}{self.name}{len(self.revisions)}".encode())
        for name in sorted(files):
            content.update(f"{name}\0{sha256(files[name])}".encode())
        self.revisions.append(Revision(content.hexdigest(), dict(files), message))
        return content.hexdigest()

    def at(self, revision: str) -> Revision | None:
        """Find a revision by its name or commit; None if there is none."""
        if revision in ("main", "refs/heads/main"):
            return self.revisions[-1]
        return next((r for r in self.revisions if r.sha == revision), None)


@dataclass
class Failure:
    """What goes wrong with the requests whose path matches, and how often it still will."""

    how: int | str
    path: str = "*"
    times: float = float("inf")
    method: str = "*"
    headers: dict[str, str] = field(default_factory=dict)
    after: int = 0  # bytes of the body that are sent before a cut
    sentence: str | None = (
        None  # in place of the usual one, with no word of the Hub's for it
    )
    met: int = 0  # requests that failed so

    def meets(self, method: str, path: str) -> bool:
        """Say whether this request fails, and count it."""
        if self.times < 1 or not fnmatch.fnmatch(path, self.path):
            return False
        if self.how in STALLS[1:] and (method != "GET" or "/api/" in path):
            return False
        if not fnmatch.fnmatch(method, self.method):
            return False
        self.times, self.met = self.times - 1, self.met + 1
        return True


class Hub:
    """A Hub that serves until the `with` block ends.

    Attributes:
        requests: (method, path, Authorization, Range) of each request, in order.
        created: What each request to make a repository said.
    """

    def __init__(self):
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.moved: dict[str, str] = {}  # old id: new id
        self.stored: dict[str, bytes] = {}  # LFS files by their sha256
        self.requests: list[tuple] = []
        self.created: list[dict] = []
        self.failures: list[Failure] = []
        self.closing = threading.Event()
        self.connections: list[socket.socket] = []

    def __enter__(self) -> "Hub":
        handler = type("Answers", (Answers,), {"hub": self})
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.server.daemon_threads = True
        self.port = self.server.server_port
        threading.Thread(
            target=self.server.serve_forever, args=(0.02,), daemon=True
        ).start()
        return self

    def __exit__(self, *reason) -> None:
        if not self.closing.is_set():
            self.stop()

    def stop(self) -> None:
        """Go away: from now on every connection is refused."""
        self.closing.set()
        self.server.shutdown()
        self.server.server_close()
        with contextlib.suppress(OSError):  # of whoever was faster
            holding = socket.socket()
            holding.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            holding.bind(("127.0.0.1", self.server.server_port))
            KEPT.append(holding)
        for (
            connection
        ) in self.connections:  # clients keep theirs open for the next request
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    @property
    def address(self) -> str:
        """What HF_ENDPOINT is set to."""
        return f"http://127.0.0.1:{self.port}"

    def add(
        self, name: str, files: dict | str | Path, kind: str = "model", **traits
    ) -> str:
        """Make a repository, or the next revision of one, of a dict or a folder; give its commit."""
        if not isinstance(files, dict):
            root = Path(files)
            found = [file for file in sorted(root.rglob("*")) if file.is_file()]
            files = {file.relative_to(root).as_posix(): held(file) for file in found}
        files = {n: c.encode() if isinstance(c, str) else c for n, c in files.items()}
        repository = self.repositories.setdefault((kind, name), Repository(kind, name))
        for trait, value in traits.items():
            setattr(repository, trait, value)
        for content in (content for n, content in files.items() if n.endswith(LARGE)):
            self.stored[sha256(content)] = content
        return repository.commit(files)

    def files(self, name: str, kind: str = "model") -> dict[str, bytes]:
        """Give the newest files of a repository; none if nothing was ever sent."""
        repository = self.repositories.get((kind, name))
        return repository.at("main").files if repository else {}

    def fail(self, how: int | str, path: str = "*", **more) -> Failure:
        """Fail from now on: a status, or "hang", "hang body", "cut", "wrong bytes".

        Args:
            how: The status, or a word: never answer; answer the head of a file and never its
                body; end in the middle of it; send other bytes, as many.
            path: Of which requests, as in a shell: "*" for all.
            **more: `times`, `method`, `headers`, `sentence` and `after`, the bytes sent before a
                cut.
        """
        if how not in REFUSALS and how not in STALLS:
            raise ValueError(
                f"no failure {how!r}: choose one of {[*REFUSALS, *STALLS]}"
            )
        self.failures.append(Failure(how, path, **more))
        return self.failures[-1]

    def environment(self, home: Path, **more: str) -> dict[str, str]:
        """Give the environment of a program whose Hub this is, and that knows no other."""
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.lower().endswith("_proxy") and not name.startswith("HF_")
        }
        return {**inherited, "HF_ENDPOINT": self.address, "HF_HOME": str(home),
                "HF_HUB_DISABLE_XET": "1", "HF_HUB_OFFLINE": "0", **more}  # fmt: skip


class Answers(http.server.BaseHTTPRequestHandler):
    """One connection: what the Hub answers."""

    hub: Hub
    protocol_version = "HTTP/1.1"

    def setup(self):
        """Note the connection."""
        super().setup()
        self.hub.connections.append(self.connection)

    def do_HEAD(self):
        """Answer whatever is asked."""
        self.sent = self.body()
        self.route = unquote(urlsplit(self.path).path)
        self.hub.requests.append(
            (
                self.command,
                self.route,
                self.headers["Authorization"],
                self.headers["Range"],
            )
        )
        failures = [f for f in self.hub.failures if f.meets(self.command, self.route)]
        self.failure = failures[0] if failures else None
        if self.failure is None or self.failure.how in STALLS[1:]:
            self.answer()
        elif self.failure.how == "hang":
            self.hub.closing.wait(60)
            self.close_connection = True
        else:
            code, sentence = REFUSALS[self.failure.how]
            if self.failure.sentence:
                code, sentence = None, self.failure.sentence
            self.refuse(self.failure.how, code, sentence, **self.failure.headers)

    do_GET = do_POST = do_PUT = do_HEAD

    def body(self) -> bytes:
        """Read what came with the request."""
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def answer(self):
        """Find out what is asked for, by the path."""
        if match := re.fullmatch(
            r"/(?:(datasets|spaces)/)?(.+)/resolve/([^/]+)/(.+)", self.route
        ):
            tree, name, revision, file = match.groups()
            self.of(tree or "models", name, revision, self.resolve, file)
        elif match := re.fullmatch(r"/store/(\w+)", self.route):
            self.store(match[1])
        elif match := re.fullmatch(r"/(?:(datasets|spaces)/)?(.+)\.git/info/lfs/objects/batch",
                                   self.route):  # fmt: skip
            self.say(self.slots(json.loads(self.sent)["objects"]))
        elif match := ASKED.fullmatch(self.route):
            tree, name, rest = match.groups()
            what, _, rest = (rest or "revision/main").partition("/")
            revision, _, inside = rest.partition("/")
            asked = {"revision": self.info, "tree": self.tree, "paths-info": self.paths,
                     "preupload": self.preupload, "commit": self.commit,
                     "commits": self.commits, "refs": self.refs}  # fmt: skip
            if what in asked:
                self.of(tree, name, revision or "main", asked[what], inside)
            else:
                self.refuse(404)
        elif self.route == "/api/whoami-v2":
            if self.headers["Authorization"]:
                self.say({"name": "reader", "type": "user", "orgs": []})
            else:
                self.refuse(401, None, "Invalid username or password.")
        elif self.route == "/api/repos/create":
            self.create(json.loads(self.sent))
        elif self.route == "/api/validate-yaml":
            self.say({"errors": [], "warnings": []})
        else:
            self.refuse(404)

    def of(self, tree: str, name: str, revision: str, answer, inside: str) -> None:
        """Let `answer` speak of a repository at a revision, or say what is missing."""
        if name in self.hub.moved:
            self.moved(name)
            return
        repository = self.hub.repositories.get((TREES[tree], name))
        if repository is None:
            # Who is not logged in does not learn whether it exists.
            status = 404 if self.headers["Authorization"] else 401
            self.refuse(status, *REFUSALS[404])
        elif repository.gated and not self.headers["Authorization"]:
            self.refuse(401, *REFUSALS[403])
        elif (found := repository.at(revision)) is None:
            self.refuse(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        else:
            answer(repository, found, inside)

    def moved(self, name: str) -> None:
        """Send on to the new name of a repository."""
        there = self.path.replace(name, self.hub.moved[name], 1)
        self.reply(307, b"", Location=there)

    # Files

    def resolve(self, repository: Repository, revision: Revision, file: str) -> None:
        """Give a file; a large one lies on another host, as on the real Hub."""
        commit = {"X-Repo-Commit": revision.sha}
        if file not in revision.files:
            self.refuse(404, "EntryNotFound", "Entry not found", **commit)
            return
        content = revision.files[file]
        if not file.endswith(LARGE):
            etag = f'"{blob(content)}"'
            self.give(content, ETag=etag, **commit)
            return
        oid = sha256(content)
        # Another name of this machine: the client must not send its token there.
        there = f"http://localhost:{self.hub.port}/store/{oid}"
        self.reply(302, b"", Location=there, ETag=f'"{oid}"', **commit, **{
            "X-Linked-ETag": f'"{oid}"', "X-Linked-Size": str(len(content))})  # fmt: skip

    def store(self, oid: str) -> None:
        """Take or give an LFS file."""
        if self.command == "PUT":
            self.hub.stored[oid] = self.sent
            self.say({})
        elif oid in self.hub.stored:
            self.give(self.hub.stored[oid], ETag=f'"{oid}"')
        else:
            self.refuse(404)

    def give(self, content: bytes, **headers: str) -> None:
        """Send a file, or the part of it that is asked for."""
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers["Range"] or "")
        if not asked:
            self.reply(200, content, **headers)
            return
        first, last = (
            int(asked[1]),
            min(int(asked[2] or len(content)), len(content) - 1),
        )
        if first >= len(content):
            self.reply(416, b"", **{"Content-Range": f"bytes */{len(content)}"})
            return
        part = {"Content-Range": f"bytes {first}-{last}/{len(content)}"}
        self.reply(206, content[first : last + 1], **headers, **part)

    # What is said of a repository

    def info(self, repository: Repository, revision: Revision, inside: str) -> None:
        """Describe the repository."""
        siblings = [{"rfilename": name} for name in revision.files]
        if "blobs=" in self.path:
            for sibling in siblings:
                entry = described(
                    sibling["rfilename"], revision.files[sibling["rfilename"]]
                )
                sibling |= {"size": entry["size"], "blobId": entry["oid"]}
                if "lfs" in entry:
                    lfs = entry["lfs"]
                    sibling["lfs"] = {
                        "sha256": lfs["oid"],
                        "size": lfs["size"],
                        "pointerSize": 1,
                    }
        self.say({
            "_id": "0", "id": repository.name, "modelId": repository.name,
            "author": repository.name.partition("/")[0], "sha": revision.sha, "private": False,
            "gated": "manual" if repository.gated else False, "disabled": False,
            "downloads": 0, "likes": 0, "tags": [], "siblings": siblings, "cardData": {},
            "createdAt": "2026-01-01T00:00:00.000Z", "lastModified": "2026-01-01T00:00:00.000Z",
        })  # fmt: skip

    def tree(self, repository: Repository, revision: Revision, inside: str) -> None:
        """List a folder, or all below it."""
        prefix = f"{inside}/" if inside else ""
        below = {n: c for n, c in revision.files.items() if n.startswith(prefix)}
        if inside and not below:
            self.refuse(404, "EntryNotFound", f"{inside} does not exist")
            return
        recursive = (
            parse_qs(urlsplit(self.path).query).get("recursive", [""])[0].lower()
            == "true"
        )
        folders, entries = set(), []
        for name, content in below.items():
            parts = name[len(prefix) :].split("/")
            for depth in range(1, len(parts) if recursive else min(2, len(parts))):
                folders.add(prefix + "/".join(parts[:depth]))
            if recursive or len(parts) == 1:
                entries.append(described(name, content))
        self.say([folder(name) for name in sorted(folders)] + entries)

    def paths(self, repository: Repository, revision: Revision, inside: str) -> None:
        """Describe single files and folders, as many as there are of those asked for."""
        if self.headers["Content-Type"].startswith("application/json"):
            asked = json.loads(self.sent)["paths"]
        else:
            asked = parse_qs(self.sent.decode()).get("paths", [])
        found = []
        for name in (name.strip("/") for name in asked):
            if name in revision.files:
                found.append(described(name, revision.files[name]))
            elif any(file.startswith(f"{name}/") for file in revision.files):
                found.append(folder(name))
        self.say(found)

    def commits(self, repository: Repository, revision: Revision, inside: str) -> None:
        """List the revisions, the newest first."""
        self.say([
            {"id": r.sha, "title": r.message, "message": "", "authors": [{"user": "reader"}],
             "date": "2026-01-01T00:00:00.000Z"} for r in reversed(repository.revisions)
        ])  # fmt: skip

    def refs(self, repository: Repository, revision: Revision, inside: str) -> None:
        """Name the one branch."""
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": revision.sha}
        self.say({"branches": [main], "converts": [], "tags": []})

    # What is sent

    def create(self, wanted: dict) -> None:
        """Make a repository; like every new one it holds one file."""
        kind, owner = (
            wanted.get("type") or "model",
            wanted.get("organization") or "reader",
        )
        name = wanted["name"] if "/" in wanted["name"] else f"{owner}/{wanted['name']}"
        self.hub.created.append(wanted)
        if (kind, name) not in self.hub.repositories:
            self.hub.add(name, {".gitattributes": "*.bin filter=lfs\n"}, kind)
        tree = "" if kind == "model" else f"{kind}s/"
        self.say({"url": f"{self.hub.address}/{tree}{name}", "name": name, "id": name})

    def preupload(
        self, repository: Repository, revision: Revision, inside: str
    ) -> None:
        """Say how each file is to be sent."""
        self.say({"files": [
            {"path": file["path"], "shouldIgnore": False, "oid": None,
             "uploadMode": "lfs" if file["path"].endswith(LARGE) else "regular"}
            for file in json.loads(self.sent)["files"]
        ]})  # fmt: skip

    def slots(self, objects: list[dict]) -> dict:
        """Say where each large file is to be sent."""
        return {"transfer": "basic", "objects": [
            {"oid": o["oid"], "size": o["size"],
             "actions": {"upload": {"href": f"{self.hub.address}/store/{o['oid']}"}}}
            for o in objects
        ]}  # fmt: skip

    def commit(self, repository: Repository, revision: Revision, inside: str) -> None:
        """Make the next revision out of what was sent."""
        files, message = dict(revision.files), ""
        for operation in map(json.loads, self.sent.decode().splitlines()):
            key, value = operation["key"], operation["value"]
            if key == "header":
                message = value["summary"]
            elif key == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif key == "lfsFile":
                files[value["path"]] = self.hub.stored[value["oid"]]
            elif key == "deletedFile":
                files.pop(value["path"], None)
            elif key == "deletedFolder":
                kept = (n for n in files if not n.startswith(value["path"]))
                files = {name: files[name] for name in kept}
        sha = repository.commit(files, message)
        url = f"{self.hub.address}/{repository.name}/commit/{sha}"
        self.say({"commitUrl": url, "commitOid": sha, "success": True})

    # How it is said

    def refuse(self, status: int, code: str | None = None, sentence: str | None = None,
               **headers: str) -> None:  # fmt: skip
        """Answer with an error, in the Hub's way."""
        said = {"X-Error-Code": code, "X-Error-Message": sentence}
        body = json.dumps(
            {"error": sentence or http.HTTPStatus(status).phrase}
        ).encode()
        self.reply(status, body, **{k: v for k, v in said.items() if v}, **headers)

    def say(self, answer) -> None:
        """Answer in JSON."""
        self.reply(
            200, json.dumps(answer).encode(), **{"Content-Type": "application/json"}
        )

    def reply(self, status: int, body: bytes, **headers: str) -> None:
        """Send an answer, as whole as the failure lets it be."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command == "HEAD":
            return
        how = self.failure.how if self.failure and status in (200, 206) else None
        if how == "hang body":
            self.wfile.flush()
            self.hub.closing.wait(60)
            self.close_connection = True
        elif how == "cut":
            self.wfile.write(body[: self.failure.after or len(body) // 2])
            self.wfile.flush()
            self.close_connection = True
        else:
            self.wfile.write(bytes(len(body)) if how == "wrong bytes" else body)

    def log_message(self, *arguments):
        """Print nothing."""


def held(file: Path) -> bytes | mmap.mmap:
    """Read a file, or map one that is large: a gigabyte of weights need not lie in memory."""
    if file.stat().st_size < 1_000_000:
        return file.read_bytes()
    with open(file, "rb") as opened:
        return mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)


# Full-size weights are asked about many times. What differs is told apart by its own hash.
@functools.lru_cache(maxsize=256)
def sha256(content: bytes) -> str:
    """Name a large file as the Hub does."""
    return hashlib.sha256(content).hexdigest()


@functools.lru_cache(maxsize=256)
def blob(content: bytes) -> str:
    """Name a file as git does."""
    digest = hashlib.sha1(b"blob %d\0" % len(content))
    digest.update(content)
    return digest.hexdigest()


def described(name: str, content: bytes) -> dict:
    """Describe a file as the Hub's list of files does."""
    entry = {"type": "file", "path": name, "size": len(content), "oid": blob(content)}
    if name.endswith(LARGE):
        oid = sha256(content)
        entry["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
    return entry


def folder(name: str) -> dict:
    """Describe a folder as the Hub's list of files does."""
    return {
        "type": "directory",
        "path": name,
        "size": 0,
        "oid": hashlib.sha1(name.encode()).hexdigest(),
    }


KEPT: list[socket.socket] = []


def nobody() -> str:
    """Give an address at which every connection is refused, for as long as this process lives."""
    taken = socket.socket()
    taken.bind(
        ("127.0.0.1", 0)
    )  # and never listens; else another process gets the port
    KEPT.append(taken)
    return f"http://127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def hanging_up():
    """A server that hears each question, and hangs up."""

    class Parts(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(1 << 16)

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Parts) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


@contextlib.contextmanager
def hub(files: dict[str, bytes], status: int = 200, **headers: str):
    """Serve REPOSITORY with these files, or a status for whatever is asked; give the address.

    The library's offline mode is switched off in this process.
    """
    huggingface_hub.constants.HF_HUB_OFFLINE = False
    with Hub() as server:
        server.add(REPOSITORY, files)
        if status != 200:
            server.fail(
                status, headers={k.replace("_", "-"): v for k, v in headers.items()}
            )
        yield server.address


@dataclass
class Ran:
    """A program that has ended: its exit status, what it said, and how long it took."""

    returncode: int
    stdout: str
    stderr: str
    seconds: float


def ran(
    program: str | list[str], environment: dict[str, str], *arguments: str, **options
) -> Ran:
    """Run a program, given as text or as arguments of Python, in a process of its own."""
    words = ["-c", program] if isinstance(program, str) else program
    begin = time.monotonic()
    done = subprocess.run(
        [sys.executable, *words, *arguments], env=environment, capture_output=True, text=True,
        timeout=120, **options,
    )  # fmt: skip
    return Ran(done.returncode, done.stdout, done.stderr, time.monotonic() - begin)
