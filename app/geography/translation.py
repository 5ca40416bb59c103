"""Sentences for the reader of an answer: written in English here, put into the reader's language where they are sent.

The English text is the key to its translations (locale/, see README.md, "For developers"), so it is a literal wherever a
message is made, with named placeholders: `Message("%(name)s has no value.", name=name)`. Nothing here knows a language.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any, TypeAlias

Value: TypeAlias = "str | int | float | date | Message | Sequence[Value]"
# As Django's and the standard library's gettext and ngettext.
Gettext: TypeAlias = Callable[[str], str]
Ngettext: TypeAlias = Callable[[str, str, int], str]


class Message:
    """A text with its values.

    Attributes:
        text: English, with a placeholder `%(name)s` for each value.
        values: by name. Text stands as it is in every language, so words are a Message of their own; a list is joined by
            commas; numbers are written with a point and no more than 12 digits, as parameters take them.
    """

    __slots__ = ("text", "values")

    def __init__(self, text: str, /, **values: Value) -> None:
        self.text = text
        self.values: Mapping[str, Value] = values

    def render(self, gettext: Gettext, ngettext: Ngettext) -> str:
        """Return the whole in the language that the two functions translate to."""
        shown = {name: _shown(value, gettext, ngettext) for name, value in self.values.items()}
        return self._translated(gettext, ngettext) % shown

    def _translated(self, gettext: Gettext, ngettext: Ngettext) -> str:
        return gettext(self.text)

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON can hold it, for `from_data`. Days become text."""
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
    """A text whose form goes by a number.

    Attributes:
        text: for one. many: for any other number. `%(count)s` stands for the number in both.
        count: the number.
    """

    __slots__ = ("count", "many")

    def __init__(self, text: str, many: str, /, count: int, **values: Value) -> None:
        super().__init__(text, count=count, **values)
        self.many = many
        self.count = count

    def as_data(self) -> dict[str, Any]:
        """Return it as JSON can hold it, for `from_data`."""
        return super().as_data() | {"many": self.many, "count": self.count}

    def _translated(self, gettext: Gettext, ngettext: Ngettext) -> str:
        return ngettext(self.text, self.many, self.count)


def from_data(data: Mapping[str, Any]) -> Message:
    """Return the message that `as_data` was made of."""
    values = {name: _value(value) for name, value in data["values"].items() if name != "count" or "many" not in data}
    text, many = data["text"], data.get("many")
    return Message(text, **values) if many is None else Plural(text, many, data["count"], **values)


def _data(value: Value) -> Any:
    if isinstance(value, Message):
        return value.as_data()
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [_data(item) for item in value]
    return value if isinstance(value, str | int | float) else str(value)


def _value(data: Any) -> Value:
    if isinstance(data, list):
        return [_value(item) for item in data]
    return from_data(data) if isinstance(data, dict) else data


def _english(item: str, many: str, count: int) -> str:
    return item if count == 1 else many


def _shown(value: Value, gettext: Gettext, ngettext: Ngettext) -> str:
    if isinstance(value, Message):
        return value.render(gettext, ngettext)
    if isinstance(value, Sequence) and not isinstance(value, str):
        return ", ".join(_shown(item, gettext, ngettext) for item in value)
    if isinstance(value, float):
        return f"{value:.12g}"
    text = str(value)
    # What a reader sent may hold control characters and halves of characters.
    return text if text.isprintable() else repr(text)[1:-1]
