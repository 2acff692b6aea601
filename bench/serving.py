"""Bench worlds in databases of their own, served on this machine's loopback; who signs in there."""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import httpx
import psutil
import psycopg
import pyotp

from guildhall import runtime
from guildhall.core import crypto
from guildhall.domain.quotas import kinds
from guildhall.settings import Settings, load
from guildhall.worlds import bench as worlds
from guildhall.worlds.demo import DEMO_PASSWORD, totp_secret

OURS = int(os.environ.get("BENCH_PORT", "8731"))  # two benches at once take ports of their own
FLOOR = OURS + 1
GENEROUS = ",".join(f"{kind}=1000000" for kind in kinds.STANDARD)  # counted as ever, and never too much
SURFACES = {"api": "api", "partners": "console"}


@contextmanager
def served(target: str, port: int, **environment: str) -> Iterator[psutil.Process]:
    """Run a server of one worker in a process of its own; yield the worker."""
    command = [sys.executable, "-m", "granian", target, "--factory", "--interface", "asgi"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--workers", "1", "--log-level", "error"]
    silence = subprocess.DEVNULL
    child = subprocess.Popen(  # noqa: S603
        command, env=os.environ | environment | {"PORT": str(OURS)}, stdout=silence, stderr=silence
    )
    try:
        for _ in range(600):
            time.sleep(0.1)
            try:
                httpx.get(f"http://127.0.0.1:{port}/healthz")
                break
            except httpx.HTTPError:
                continue
        yield psutil.Process(child.pid).children()[-1]
    finally:
        workers = psutil.Process(child.pid).children()
        child.terminate()
        try:
            child.wait(timeout=20)
        except subprocess.TimeoutExpired:  # one that was stopped while it started does not hear it
            for process in (child, *workers):
                process.kill()


def cpu(process: psutil.Process) -> float:
    """Return the CPU seconds that a process has used."""
    used = process.cpu_times()
    return float(used.user + used.system)


def credentials(email: str) -> dict[str, dict[str, str]]:
    """Sign somebody of a bench world in on API and console, as a person would; return the headers of each."""
    with httpx.Client(base_url=f"http://127.0.0.1:{OURS}", headers={"Host": f"api.localhost:{OURS}"}) as client:
        body = {"email": email, "password": DEMO_PASSWORD, "otp": pyotp.TOTP(totp_secret(email)).now()}
        answer = client.post("/api/v1/auth/login", json=body).raise_for_status()
    host = {"Host": f"partners.localhost:{OURS}"}
    with httpx.Client(base_url=f"http://127.0.0.1:{OURS}", headers=host) as client:
        page = client.get("/sign-in").text
        form = {
            "_csrf_token": page.split('name="_csrf_token" value="', 1)[1].split('"', 1)[0],
            "email": email,
            "password": DEMO_PASSWORD,
            "code": pyotp.TOTP(totp_secret(email)).at(time.time() + 30),
        }
        cookie = client.post("/sign-in", data=form).cookies["guildhall_partners"]
    return {
        "api": {"Authorization": f"Bearer {answer.json()['access_token']}"},
        "partners": {"Cookie": f"guildhall_partners={cookie}"},
    }


def prepare(settings: Settings, scale: str) -> None:
    """Make the world of one scale in an empty, embedded database."""
    socket = runtime.open_database(settings)
    runtime.prepare(settings, socket)
    crypto.set_master(runtime.secret_of(settings).encode())
    url = runtime.admin_url(settings, socket)
    with psycopg.connect(url) as connection:
        row = connection.execute("SELECT count(*) FROM tenancy.tenant").fetchone()
    if row is not None and row[0] == 0:
        worlds.make(url, prefix=settings.role_prefix, scale=scale)


def world(scale: str, home: Path | None, folder: str = "") -> None:
    """Make the world of one scale under `home`, or a temporary folder, and let this process and its servers use it.

    It lies in a folder called `scale`, which benches share; one that changes it takes another `folder`.
    """
    place = (home or Path(tempfile.mkdtemp(prefix="ghb", dir="/tmp"))) / (folder or scale)
    place.parent.mkdir(parents=True, exist_ok=True)
    place.parent.chmod(0o755)
    os.environ |= {"GUILDHALL_HOME": str(place), "PORT": str(OURS), "GUILDHALL_DEMO": "true"}
    os.environ["GUILDHALL_API_LIMITS"] = GENEROUS
    prepare(load(), scale)


def pools() -> None:
    """Open every surface's way to the world's database and store in this process."""
    settings = load()
    runtime.open_pools(settings, runtime.open_database(settings), tuple(runtime.LOGIN_OF))


def processor_time(*processes: psutil.Process) -> float:
    """Return the CPU seconds used so far by some processes, this one if none, and by their database."""
    line = (load().home / "postgres" / "postmaster.pid").read_text().split("\n", 1)[0]
    database = psutil.Process(int(line))
    ended, used = database.cpu_times(), sum(map(cpu, processes or (psutil.Process(),)))
    for backend in database.children():
        with suppress(psutil.NoSuchProcess):  # then it is among those that ended
            used += cpu(backend)
    return used + float(ended.children_user + ended.children_system)
