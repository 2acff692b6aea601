"""A connector to copy: sends what a billing or metering system exports to Guildhall's platform feed.

    GUILDHALL_API=https://api.example.com CLIENT_ID=… CLIENT_SECRET=… python connector.py FOLDER

FOLDER holds `tenants.jsonl`, `subscribers.jsonl`, `usage.jsonl` and so on, one JSON object on each line; what is not
there is left out. Rows are known by their own ids, so running it again changes nothing twice. It needs httpx alone.
"""

import itertools
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import httpx

# In this order: a row may name only what came before it.
KINDS = (
    "tenants",
    "subscribers",
    "invoices",
    "invoice-lines",
    "payments",
    "usage",
    "outages",
    "tickets",
    "posture",
)
ROWS = 10_000  # of one call, the most that the feed takes
TRIES = 5
BUSY = frozenset({429, 502, 503, 504})


class Refused(Exception):  # noqa: N818 - what happened
    """Rows were refused; the text says which, and why."""


class Feed:
    """The feed, with a token that is got when it is needed and got again when it has run out."""

    def __init__(self, client: httpx.Client, client_id: str, secret: str) -> None:
        """Take a client whose base URL is the API's origin, and what staff gave for this connector."""
        self._client, self._proof = client, (client_id, secret)
        self._token = ""

    def send(self, kind: str, lines: Iterable[str]) -> dict[str, int]:
        """Send lines in batches; return what they did. Raises Refused where a batch has faults."""
        done = {"rows": 0, "added": 0, "changed": 0, "unchanged": 0}
        for number, batch in enumerate(batches(lines)):
            answer = self._post(f"/api/v1/platform/{kind}:batch", "".join(batch))
            if answer.is_error:
                raise Refused(explained(kind, number * ROWS, answer))
            for name in done:
                done[name] += answer.json()[name]
        return done

    def _post(self, path: str, body: str) -> httpx.Response:
        """Send one batch, patiently: again with a new token, and again while the service is busy."""
        for attempt in range(TRIES):
            headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/x-ndjson"}
            answer = self._client.post(path, content=body.encode(), headers=headers)
            if answer.status_code == httpx.codes.UNAUTHORIZED:
                self._token = self._fresh_token()
            elif answer.status_code in BUSY:
                time.sleep(float(answer.headers.get("retry-after", 2**attempt)))
            else:
                return answer
        return answer

    def _fresh_token(self) -> str:
        """Return a token for ten minutes; raise where the client is not let in."""
        asked = {"grant_type": "client_credentials", "scope": "platform.*"}
        answer = self._client.post("/api/v1/oauth/token", data=asked, auth=self._proof)
        answer.raise_for_status()
        return str(answer.json()["access_token"])


def batches(lines: Iterable[str]) -> Iterator[list[str]]:
    """Yield the lines by as many as one call takes."""
    rest = iter(lines)
    while batch := list(itertools.islice(rest, ROWS)):
        yield batch


def explained(kind: str, before: int, answer: httpx.Response) -> str:
    """Return what is wrong, line by line; `before` lines came in batches before this one."""
    problem: dict[str, Any] = answer.json()
    said = [f"{kind}: {problem['detail']}"]
    for error in problem.get("errors", ()):
        row, _, column = error["pointer"].removeprefix("/").partition("/")
        place = f"line {before + int(row)}" if row.isdigit() else "the batch"
        said.append(f"  {place}{f', {column}' if column else ''}: {error['message']}")
    return "\n".join(said)


def run(feed: Feed, folder: Path) -> None:
    """Send every file of a folder, and say what was done."""
    for kind in KINDS:
        path = folder / f"{kind}.jsonl"
        if path.exists():
            with path.open(encoding="utf-8") as lines:
                done = feed.send(kind, lines)
            print(f"{kind}: {done['rows']} rows, {done['added']} added, {done['changed']} changed")


def main() -> int:
    """Send the folder that is named; return 1 where something was refused."""
    with httpx.Client(base_url=os.environ["GUILDHALL_API"], timeout=60) as client:
        feed = Feed(client, os.environ["CLIENT_ID"], os.environ["CLIENT_SECRET"])
        try:
            run(feed, Path(sys.argv[1]))
        except Refused as refused:
            print(refused, file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
