"""What a form on a page remembers: the values typed and a sentence per field that was refused."""

from collections.abc import Mapping, Sequence

import msgspec

WHOLE = ""


class Form(msgspec.Struct, frozen=True):
    """Kept values and errors of one form.

    `values` maps field name → text, list of texts (several boxes ticked) or None; `errors` maps field name →
    sentence, already translated. The name `""` holds what concerns the form as a whole. `Form()` is an
    untouched form. `prefix` begins the ids of the fields: give each form of a page its own when field names
    repeat.
    """

    values: Mapping[str, object] = {}
    errors: Mapping[str, str] = {}
    prefix: str = "f"

    def text(self, name: str, default: object = "") -> str:
        """Return what field `name` shows: the kept value, else `default`, else nothing."""
        value = self.values.get(name, default)
        return "" if value is None else str(value)

    def chosen(self, name: str, option: object, default: object = ()) -> bool:
        """Whether `option` is ticked or selected in field `name`."""
        value = self.values.get(name, default)
        if isinstance(value, Sequence | frozenset | set) and not isinstance(value, str):
            return str(option) in {str(item) for item in value}
        return value is not None and value is not False and str(value) == str(option)

    def error(self, name: str) -> str | None:
        """Return the sentence that belongs beside field `name`, or None."""
        return self.errors.get(name)

    def about(self, name: str, hint: str | None = None) -> dict[str, str | None]:
        """Return the attributes that tie field `name` to its hint and its error."""
        wrong = self.error(name)
        ids = [f"{self.prefix}-{name}-{kind}" for kind, text in (("hint", hint), ("error", wrong)) if text]
        return {"aria-describedby": " ".join(ids) or None, "aria-invalid": "true" if wrong else None}
