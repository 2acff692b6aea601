"""The letters that a world has posted, opened."""

from guildhall.domain.mail.letters import Letter, opened
from support_world import World


def letters(world: World, to: str = "") -> list[Letter]:
    """Return the letters posted since the world was made, oldest first; of one address only where `to` names it."""
    rows = world.sql(
        "SELECT sealed FROM portal.mail WHERE %s IN ('', recipient) AND created_at > now() - interval '6 hours'"
        " ORDER BY created_at, id",
        to,
    )
    return [opened(bytes(row["sealed"])) for row in rows if row["sealed"]]
