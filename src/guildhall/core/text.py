"""Text that people send: whether the database can hold it, and how to search for it literally."""


def storable(value: str) -> bool:
    """Return whether PostgreSQL can hold `value`: it has no NUL and no half of a surrogate pair."""
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return "\x00" not in value


def containing(value: str) -> str:
    """Return the LIKE pattern of texts that contain `value`, its own wildcards taken literally."""
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"
