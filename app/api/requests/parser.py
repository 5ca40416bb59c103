"""Request parser: parameters of a URL to a typed query.

A `Parameter` has the validator and the documentation of one value; a `RequestParser` has the parameters of one route. The
OpenAPI document is rendered from the same objects (`api.openapi.document`), so that code and document cannot diverge.
"""

import difflib
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from geography.errors import ParameterInvalid
from geography.translation import Message

VALUE_MAX_CHARACTERS = 200

Query = TypeVar("Query")
Values = Mapping[str, Any]

_SYNONYMS = {
    "latitude": "lat",
    "longitude": "lon",
    "long": "lon",
    "date": "at",
    "search": "q",
    "page": "offset",
    "radius": "accuracy",
    "properties": "fields",
}


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter with its validator and documentation.

    Attributes:
        read: validator; converts the text to a value, and raises InvalidInput or NotFound.
        schema: JSON Schema of the value, for the OpenAPI document.
        aliases: accepted alternative names.
        default: value of an absent parameter.
    """

    name: str
    read: Callable[[str], Any]
    description: str
    schema: dict[str, Any]
    example: Any
    required: bool = False
    aliases: tuple[str, ...] = ()
    default: Any = None


@dataclass(frozen=True, slots=True)
class RequestParser(Generic[Query]):
    """The parameters of one route, and the function that builds its query.

    Attributes:
        build: converts the values, by parameter name, to the route's query object; may raise InvalidInput.
        path: path parameters.
        query: query parameters.
    """

    build: Callable[[Values], Query]
    path: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    _parameters: dict[str, Parameter] = field(init=False, default_factory=dict, repr=False, compare=False)
    _defaults: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._parameters.update({name: parameter for parameter in self.query for name in (parameter.name, *parameter.aliases)})
        self._defaults.update({parameter.name: parameter.default for parameter in self.query})

    def parse(self, query: Mapping[str, Sequence[str]], path: Mapping[str, str]) -> Query:
        """Return the route's typed query.

        Args:
            query: all values of each query parameter, percent-decoded.
            path: value of each path parameter, percent-decoded.

        Raises: InvalidInput for an unknown, repeated, empty, overlong, malformed or missing parameter; NotFound for a path
        value that no resource can have.
        """
        texts = self._texts_by_parameter(query)
        values = self._defaults | {parameter.name: parameter.read(path[parameter.name]) for parameter in self.path}
        for parameter in self.query:
            if parameter.name in texts:
                values[parameter.name] = _read(parameter, *texts[parameter.name])
            elif parameter.required:
                raise ParameterInvalid(Message("%(name)s is required.", name=parameter.name), parameter=parameter.name)
        return self.build(values)

    def _texts_by_parameter(self, query: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
        """Return, by parameter name, the name in the URL (which may be an alias) and the text."""
        texts: dict[str, tuple[str, str]] = {}
        for name, values in query.items():
            parameter = self._parameters.get(name)
            if parameter is None:
                raise _unknown(name, list(self._parameters))
            if len(values) > 1 or parameter.name in texts:
                raise ParameterInvalid(Message("%(name)s is given more than once.", name=name), parameter=name)
            texts[parameter.name] = name, values[0]
        return texts


def _read(parameter: Parameter, name: str, text: str) -> Any:
    if not text.strip():
        raise ParameterInvalid(
            Message("%(name)s has no value.", name=name),
            parameter=name,
            hint=Message("Omit the parameter, or give it a value."),
        )
    if has_invalid_characters(text):
        raise ParameterInvalid(
            Message("%(name)s contains invalid characters.", name=name),
            parameter=name,
            hint=Message("Values must be percent-encoded UTF-8 without control characters."),
        )
    if len(text) > VALUE_MAX_CHARACTERS:
        raise ParameterInvalid(too_long(name, VALUE_MAX_CHARACTERS), parameter=name)
    return parameter.read(text)


def _unknown(name: str, names: list[str]) -> ParameterInvalid:
    shown = name[:40]
    synonym = _SYNONYMS.get(shown.casefold())
    suggestions = [synonym] if synonym in names else difflib.get_close_matches(shown.casefold(), names, n=1)
    message = Message("Unknown parameter '%(name)s'.", name=shown)
    return unknown_name(message, shown, suggestions=[str(suggestion) for suggestion in suggestions], names=names)


def has_invalid_characters(text: str) -> bool:
    """Return whether the text has a control character, or bytes that were not UTF-8.

    PostgreSQL cannot store NUL. White space is allowed, since pasted text often has it.
    """
    if text.isprintable() and "\ufffd" not in text:
        return False
    # Invalid UTF-8 is decoded as U+FFFD.
    return any(
        character == "\ufffd" or (unicodedata.category(character) in ("Cc", "Cs") and not character.isspace())
        for character in text
    )


def too_long(parameter: str, most: int) -> Message:
    """Return the message for a value with more than `most` characters."""
    return Message("%(name)s is longer than %(most)s characters.", name=parameter, most=most)


def unknown_name(message: Message, parameter: str, *, suggestions: Sequence[str], names: Sequence[str]) -> ParameterInvalid:
    """Return the error for an unknown name. The hint has the first suggestion, or all allowed names if there is none."""
    hint = (
        Message("Did you mean %(meant)s?", meant=suggestions[0])
        if suggestions
        else Message("Allowed names: %(names)s.", names=sorted(names))
    )
    return ParameterInvalid(message, parameter=parameter, hint=hint)
