"""Write the tables of docs/domain.md from the registry: `python tools/docs.py`, or `--check` that they are in step."""

import sys
from collections.abc import Iterable, Mapping
from pathlib import Path

from guildhall.domain.access.boundary.policies import RULES
from guildhall.domain.access.states import STATES, STEPS
from guildhall.domain.rbac.registry import (
    CUSTOMER,
    CUSTOMER_ROLES,
    LINK_ROLES,
    PARTNER,
    PARTNER_ROLES,
    STAFF,
    STAFF_ROLES,
    Area,
    Permission,
)

PAGE = Path(__file__).parents[1] / "docs" / "domain.md"


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [list(head)]
    lines += [["---"] * len(lines[0])]
    lines += [list(row) for row in rows]
    return "\n".join("| " + " | ".join(cells) + " |" for cells in lines)


def permissions(registry: Mapping[str, Permission], roles: tuple[str, ...], *, areas: bool = False) -> str:
    """Return who holds what."""
    head = ["Permission", *(f"`{role}`" for role in roles), *(["Link must open"] if areas else [])]
    rows = (
        [f"`{name}`", *("✓" if role in one.roles else "–" for role in roles), *([one.area or "–"] if areas else [])]
        for name, one in registry.items()
    )
    return table(head, rows)


def link_roles() -> str:
    """Return which areas each access role of a link opens."""
    rows = ([f"`{role}`", *("✓" if area in opened else "–" for area in Area)] for role, opened in LINK_ROLES.items())
    return table(["Access role", *(f"`{area}`" for area in Area)], rows)


def steps() -> str:
    """Return the state machine of a link."""
    rows = ([f"`{source}`", f"`{target}`", ", ".join(sides)] for source, target, sides in STEPS)
    return f"States: {', '.join(f'`{state}`' for state in STATES)}.\n\n" + table(["From", "To", "Taken by"], rows)


def rights() -> str:
    """Return which database role may do what on which table."""
    roles = ("partner", "customer", "staff", "platform", "worker")
    rows = []
    for name, rules in RULES.items():
        held = {role: sorted({rule.command.lower() for rule in rules if rule.role == role}) for role in roles}
        rows.append([f"`{name}`", *(", ".join(held[role]) or "–" for role in roles)])
    return table(["Table", *(f"`{role}`" for role in roles)], rows)


PARTS = {
    "partner permissions": lambda: permissions(PARTNER, PARTNER_ROLES, areas=True),
    "customer permissions": lambda: permissions(CUSTOMER, CUSTOMER_ROLES),
    "staff permissions": lambda: permissions(STAFF, STAFF_ROLES),
    "link roles": link_roles,
    "link states": steps,
    "database rights": rights,
}


def written(text: str) -> str:
    """Return the page with every generated part as the code says it; raises ValueError for a missing mark."""
    for name, make in PARTS.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        head, _, rest = text.partition(begin)
        if not rest or end not in rest:
            raise ValueError(f"docs/domain.md has no place for “{name}”")
        text = head + begin + make() + end + rest.partition(end)[2]
    return text


def main(arguments: list[str]) -> int:
    """Return 1 where `--check` finds the page out of step."""
    text = PAGE.read_text()
    new = written(text)
    if "--check" in arguments:
        if new != text:
            print("docs/domain.md is out of step with the registry: run `make docs`")
        return int(new != text)
    PAGE.write_text(new)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
