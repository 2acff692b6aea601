"""`python -m bench.revocation`: requests sent after a customer's revocation was acknowledged, and still answered.

The demo world over four served processes. In each round sixteen connections ask for one customer without a pause, over
the API with a token issued before and in the console; the customer revokes; then a thousand more are sent.
"""

import asyncio
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pyotp

from bench.load import ask, message
from guildhall.worlds.demo import DEMO_PASSWORD, totp_secret

PORT, PROCESSES, ROUNDS, AFTER, CONNECTIONS = 8741, 4, 10, 1000, 16
PARTNER = "principal@northwind.example"


@contextmanager
def demo() -> Iterator[None]:
    """Serve a new demo world over several processes."""
    home = Path(tempfile.mkdtemp(prefix="ghr", dir="/tmp"))
    home.chmod(0o755)
    environment = {"GUILDHALL_HOME": str(home), "PORT": str(PORT), "GUILDHALL_WORKERS": str(PROCESSES)}
    environment["GUILDHALL_API_LIMITS"] = "detail=1000000,tenant=1000000"
    silence = subprocess.DEVNULL
    command = [sys.executable, "-m", "guildhall", "demo"]
    child = subprocess.Popen(command, env=os.environ | environment, stdout=silence, stderr=silence)  # noqa: S603
    try:
        for _ in range(120):
            time.sleep(0.5)
            try:
                httpx.get(f"http://127.0.0.1:{PORT}/readyz").raise_for_status()
                break
            except httpx.HTTPError:
                continue
        yield
    finally:
        child.terminate()
        child.wait(timeout=30)


def client(label: str) -> httpx.Client:
    """Return somebody's browser or program on one surface."""
    return httpx.Client(base_url=f"http://127.0.0.1:{PORT}", headers={"Host": f"{label}.localhost:{PORT}"}, timeout=30)


def code(email: str, ahead: int = 0) -> str:
    """Return a person's one-time code; `ahead` steps of 30 seconds from now."""
    return pyotp.TOTP(totp_secret(email)).at(time.time() + 30 * ahead)


def signed_in(email: str, label: str, ahead: int = 0) -> httpx.Client:
    """Return a browser in which `email` has signed in."""
    browser = client(label)
    form = {"email": email, "password": DEMO_PASSWORD, "code": code(email, ahead)}
    send(browser, "/sign-in", "/sign-in", form)
    return browser


def send(browser: httpx.Client, page: str, path: str, form: dict[str, str]) -> None:
    """Send the form at `page` to `path`; anything but its success raises."""
    token = browser.get(page).text.split('name="_csrf_token" value="', 1)[1].split('"', 1)[0]
    answer = browser.post(path, data={"_csrf_token": token, **form})
    if answer.status_code != httpx.codes.SEE_OTHER:
        raise RuntimeError(f"{path}: {answer.status_code}")


async def hammer(requests: Iterator[bytes], revoked: asyncio.Event, seen: Counter[str]) -> None:
    """Ask without a pause on one connection until its share was sent after the revocation."""
    reader, writer = await asyncio.open_connection("127.0.0.1", PORT)
    left = AFTER // CONNECTIONS + 1
    while left:
        late = revoked.is_set()
        status = await ask(reader, writer, next(requests))
        left -= late
        seen[f"{'after' if late else 'before'} {status}"] += 1
    writer.close()


async def revoked_under_load(requests: Iterator[bytes], approver: httpx.Client, link: str, seen: Counter[str]) -> None:
    """Revoke in the middle of a load; count what was answered before and after."""
    revoked = asyncio.Event()
    load = [asyncio.create_task(hammer(requests, revoked, seen)) for _ in range(CONNECTIONS)]
    await asyncio.sleep(0.3)
    form = {"reason": "No longer needed"}
    await asyncio.to_thread(send, approver, f"/links/{link}/revoke", f"/links/{link}/revoke", form)
    revoked.set()
    await asyncio.gather(*load)


def main() -> None:
    """Run the rounds and print what was counted; ends with 1 where anything slipped through."""
    seen: Counter[str] = Counter()
    with demo():
        with client("api") as api:
            body = {"email": PARTNER, "password": DEMO_PASSWORD, "otp": code(PARTNER)}
            token = api.post("/api/v1/auth/login", json=body).raise_for_status().json()["access_token"]
            key = {"Authorization": f"Bearer {token}"}
            asked = {"operating_model": "co_managed", "limit": ROUNDS}
            customers = api.get("/api/v1/partner/customers", params=asked, headers=key).json()["items"]
        cookie = {"Cookie": f"guildhall_partners={signed_in(PARTNER, 'partners', 1).cookies['guildhall_partners']}"}
        for customer in customers:
            tenant = customer["tenant_id"]
            requests = itertools.cycle(
                [
                    message(f"api.localhost:{PORT}", f"/api/v1/partner/customers/{tenant}", key),
                    message(f"partners.localhost:{PORT}", f"/t/{tenant}/", cookie),
                ]
            )
            approver = signed_in(f"admin@{customer['slug']}.example", "customers")
            asyncio.run(revoked_under_load(requests, approver, customer["relationship"]["link_id"], seen))
    after = {name: count for name, count in seen.items() if name.startswith("after")}
    sent, refused = sum(after.values()), after.get("after 403", 0) + after.get("after 404", 0)
    slipped = sent - refused
    print(f"revocation to refusal, {PROCESSES} processes: {slipped} of {sent} requests sent after it were answered")
    print("  " + ", ".join(f"{name}: {count}" for name, count in sorted(seen.items())))
    if slipped or not seen["before 200"]:
        sys.exit(1)


if __name__ == "__main__":
    main()
