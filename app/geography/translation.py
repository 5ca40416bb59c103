"""Translatable messages: English text with values, rendered in the language of the request.

The English text is the key of its translations (locale/, see docs/develop.md). It must therefore be a literal with
named placeholders: `Message("%(name)s has no value.", name=name)`. This module does not depend on a language.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

Value: TypeAlias = "str | int | float | date | Message | Sequence[Value]"
# The signatures of gettext and ngettext in Django and the standard library.
Gettext: TypeAlias = Callable[[str], str]
Ngettext: TypeAlias = Callable[[str, str, int], str]
_NO_BREAK_SPACES = str.maketrans("\N{NO-BREAK SPACE}\N{NARROW NO-BREAK SPACE}", "  ")


class Message:
    """A translatable text with its values.

    Attributes:
        text: English, with a placeholder `%(name)s` for each value.
        values: by name. A string is not translated, so a word to translate must itself be a Message. A list is joined by
            commas. A number has a decimal point and at most 12 digits, as in parameters.
    """

    __slots__ = ("text", "values")

    def __init__(self, text: str, /, **values: Value) -> None:
        self.text = text
        self.values: Mapping[str, Value] = values

    def render(self, gettext: Gettext, ngettext: Ngettext) -> str:
        """Return the message in the language of the two functions."""
        shown = {name: _shown(value, gettext, ngettext) for name, value in self.values.items()}
        return self._translated(gettext, ngettext) % shown

    def _translated(self, gettext: Gettext, ngettext: Ngettext) -> str:
        return gettext(self.text)

    def as_data(self) -> dict[str, Any]:
        """Return the message as JSON values, for `from_data`. Dates become text."""
        return {"text": self.text, "values": {name: _data(value) for name, value in self.values.items()}}

    def __str__(self) -> str:
        return self.render(str, _english)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Message) and repr(self) == repr(other)

    def __hash__(self) -> int:
        return hash(repr(self))


class Plural(Message):
    """A text with a singular and a plural form.

    Attributes:
        text: the singular. many: the plural. Both can contain `%(count)s`.
        count: the number that determines the form.
    """

    __slots__ = ("count", "many")

    def __init__(self, text: str, many: str, /, count: int, **values: Value) -> None:
        super().__init__(text, count=count, **values)
        self.many = many
        self.count = count

    def as_data(self) -> dict[str, Any]:
        """Return the message as JSON values, for `from_data`."""
        return super().as_data() | {"many": self.many, "count": self.count}

    def _translated(self, gettext: Gettext, ngettext: Ngettext) -> str:
        return ngettext(self.text, self.many, self.count)


def from_data(data: Mapping[str, Any]) -> Message:
    """Return the message that `as_data` serialised."""
    values = {name: _value(value) for name, value in data["values"].items() if name != "count" or "many" not in data}
    text, many = data["text"], data.get("many")
    return Message(text, **values) if many is None else Plural(text, many, data["count"], **values)


def _data(value: Value) -> Any:
    if isinstance(value, Message):
        return value.as_data()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_data(element) for element in value]
    return value if isinstance(value, str | int | float) else str(value)


def _value(data: Any) -> Value:
    if isinstance(data, list):
        return [_value(element) for element in data]
    return from_data(data) if isinstance(data, dict) else data


def _english(singular: str, many: str, count: int) -> str:
    return singular if count == 1 else many


def _shown(value: Value, gettext: Gettext, ngettext: Ngettext) -> str:
    if isinstance(value, Message):
        return value.render(gettext, ngettext)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_shown(element, gettext, ngettext) for element in value)
    if isinstance(value, float):
        return f"{value:.12g}"
    text = str(value)
    # Text from a request can contain control characters and lone surrogates. Formatted numbers contain no-break spaces.
    return text if text.translate(_NO_BREAK_SPACES).isprintable() else repr(text)[1:-1]
