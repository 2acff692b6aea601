"""Files of tickets on pages: as they come with a form, and as they are shown in a conversation."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from litestar.datastructures import UploadFile

from guildhall.core.errors import Invalid, Refusal
from guildhall.domain.files.uploads import LARGEST, Upload
from guildhall.domain.support.attaching import FIELD, MOST_AT_ONCE, Attachment
from guildhall.surfaces.html import GATES_FIRST, LARGEST_FORM, Web
from guildhall.surfaces.kit.i18n import N_

WITH_FILES: dict[str, Any] = {
    "request_max_body_size": MOST_AT_ONCE * LARGEST + LARGEST_FORM,  # octets
    GATES_FIRST: True,
}
_CHOOSE_AGAIN = N_("Choose the files again: a page cannot keep them.")


async def sent_files(request: Web) -> list[Upload]:
    """Return the files that came with a form, in their order."""
    items = (await request.form()).getall(FIELD, [])
    return [Upload(each.filename, each.file) for each in items if isinstance(each, UploadFile)]


def refused_with(sent: Sequence[Upload], refusal: Refusal) -> Invalid:
    """Return what was refused, with the word beside the files that they must be chosen again."""
    again = {FIELD: _CHOOSE_AGAIN} if sent else {}
    errors = {name.removeprefix("comment."): said for name, said in refusal.errors.items()}
    return Invalid(refusal.detail, errors=again | errors)


def by_comment(found: Sequence[Attachment]) -> dict[UUID | None, list[Attachment]]:
    """Return the files by the comment that they came with; under None those that came by themselves."""
    sorted_: dict[UUID | None, list[Attachment]] = {}
    for each in found:
        sorted_.setdefault(each.comment_id, []).append(each)
    return sorted_
