"""Request parser: reads a URL by a list of parameters.

A `Param` holds how one value is read and how it is documented; a `Spec` holds the parameters of one route. The OpenAPI
document is rendered from the same objects (api.openapi.document), so that the two cannot drift apart.
"""

import difflib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from api.requests.validators import has_invalid_characters, too_long, unknown_name
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
    """One parameter: how it is read and how it is documented.

    Attributes:
        read: turns the text into a value; raises InvalidInput or NotFound.
        schema: JSON Schema of the value, for the OpenAPI document.
        aliases: other names that are read as this one.
        default: the value where the parameter is not given.
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
    """What one route takes.

    Attributes:
        build: turns the values by parameter name into the route's query object; may raise InvalidInput too.
        path: the parameters in the path.
        query: those after the question mark.
    """

    build: Callable[[Values], Query]
    path: tuple[Parameter, ...] = ()
    query: tuple[Parameter, ...] = ()
    _parameters: dict[str, Parameter] = field(init=False, default_factory=dict, repr=False, compare=False)
    _defaults: dict[str, Any] = field(init=False, default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._parameters.update({name: param for param in self.query for name in (param.name, *param.aliases)})
        self._defaults.update({param.name: param.default for param in self.query})

    def parse(self, query: Mapping[str, Sequence[str]], path: Mapping[str, str]) -> Query:
        """Return the route's typed query.

        Args:
            query: every value of each parameter after the question mark, percent-decoded.
            path: the values of the parameters in the path.

        Raises: InvalidInput for a parameter that is unknown, repeated, empty, too long or of the wrong form;
        NotFound for a path that cannot name anything.
        """
        value = self._texts_by_parameter(query)
        values = self._defaults | {item.name: item.read(path[item.name]) for item in self.path}
        for param in self.query:
            if param.name in value:
                values[param.name] = _read(param, *value[param.name])
            elif param.required:
                raise ParameterInvalid(Message("%(name)s is required.", name=param.name), parameter=param.name)
        return self.build(values)

    def _texts_by_parameter(self, query: Mapping[str, Sequence[str]]) -> dict[str, tuple[str, str]]:
        """Return by the name of the parameter the name that it was given, and its text."""
        value: dict[str, tuple[str, str]] = {}
        for name, texts in query.items():
            param = self._parameters.get(name)
            if param is None:
                raise _unknown(name, list(self._parameters))
            if len(texts) > 1 or param.name in value:
                raise ParameterInvalid(Message("%(name)s is given more than once.", name=name), parameter=name)
            value[param.name] = name, texts[0]
        return value


def _read(param: Parameter, name: str, text: str) -> Any:
    if not text.strip():
        raise ParameterInvalid(
            Message("%(name)s has no value.", name=name),
            parameter=name,
            hint=Message("Leave it out, or give it a value."),
        )
    if has_invalid_characters(text):
        raise ParameterInvalid(
            Message("%(name)s holds characters that no text has.", name=name),
            parameter=name,
            hint=Message("Values are UTF-8, percent-encoded, without control characters."),
        )
    if len(text) > VALUE_MAX_CHARACTERS:
        raise ParameterInvalid(too_long(name, VALUE_MAX_CHARACTERS), parameter=name)
    return param.read(text)


def _unknown(name: str, known_values: list[str]) -> ParameterInvalid:
    shown = name[:40]
    like = _SYNONYMS.get(shown.casefold())
    close = [like] if like in known_values else difflib.get_close_matches(shown.casefold(), known_values, n=1)
    message = Message("There is no parameter '%(name)s' here.", name=shown)
    return unknown_name(message, shown, like=[str(item) for item in close], names=known_values)
