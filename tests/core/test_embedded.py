"""The embedded server starts where it may, also when several processes start one at once on a new machine."""

import subprocess
from pathlib import Path

import pytest

from guildhall.core import embedded


def test_a_user_that_another_process_is_making_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = iter([True, True, False])

    def busy(_name: str) -> None:
        if next(tries):
            raise subprocess.CalledProcessError(1, "useradd")

    monkeypatch.setattr(embedded, "ensure_user_exists", busy)
    monkeypatch.setattr(embedded.time, "sleep", lambda _seconds: None)
    embedded._make_user()
    assert list(tries) == []


def test_a_user_that_cannot_be_made_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    def never(_name: str) -> None:
        raise subprocess.CalledProcessError(1, "useradd")

    monkeypatch.setattr(embedded, "ensure_user_exists", never)
    monkeypatch.setattr(embedded.time, "sleep", lambda _seconds: None)
    with pytest.raises(subprocess.CalledProcessError):
        embedded._make_user()


def test_a_closed_folder_stays_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setattr(embedded.os, "geteuid", lambda: 0)
    with pytest.raises(RuntimeError, match="closed to other users"):
        embedded.start(closed / "home")
    assert closed.stat().st_mode & 0o777 == 0o700


def test_too_long_a_path_for_a_socket_is_said() -> None:
    with pytest.raises(RuntimeError, match="too long"):
        embedded.start(Path("/", "x" * 90))
