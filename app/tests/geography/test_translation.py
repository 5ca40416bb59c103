"""geography.translation: English messages with values, translated when they are sent."""

from datetime import date

import orjson
import pytest

from geography.translation import Message, Plural, from_data

FRENCH = {"%(name)s needs %(why)s.": "%(why)s manque à %(name)s.", "this": "ceci"}


def gettext(text):
    return FRENCH.get(text, text)


def ngettext(item, many, count):
    return "%(count)s chevaux" if count > 1 else "un cheval"


def test_str_of_message_is_english():
    assert str(Message("%(name)s needs %(why)s.", name="lat", why=Message("this"))) == "lat needs this."


def test_nested_message_is_translated():
    message = Message("%(name)s needs %(why)s.", name="lat", why=Message("this"))
    assert message.render(gettext, ngettext) == "ceci manque à lat."


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("Baie-D'Urfé", "Baie-D'Urfé"),
        (50_000.0, "50000"),
        (0.25, "0.25"),
        (-79.123456789, "-79.123456789"),
        (7, "7"),
        (date(2022, 1, 1), "2022-01-01"),
        (["a", Message("this"), 3], "a, this, 3"),
        (("a", "b"), "a, b"),
        ([], ""),
        ("100 %", "100 %"),
        ("1\N{NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}km²", "1\N{NO-BREAK SPACE}234\N{NARROW NO-BREAK SPACE}km²"),
        ("a\x00b\u202e\ud800", "a\\x00b\\u202e\\ud800"),
    ],
)
def test_values_are_formatted_and_escaped(value, shown):
    assert str(Message("<%(value)s>", value=value)) == f"<{shown}>"


@pytest.mark.parametrize(
    ("count", "english", "french"), [(0, "0 horses", "un cheval"), (1, "1 horse", "un cheval"), (2, "2 horses", "2 chevaux")]
)
def test_plural_form_follows_the_count(count, english, french):
    message = Plural("%(count)s horse", "%(count)s horses", count=count)
    assert str(message) == english
    assert message.render(gettext, ngettext) == french


def test_messages_compare_by_text_and_values():
    assert Message("%(a)s", a=1) == Message("%(a)s", a=1) != Message("%(a)s", a=2)
    assert len({Message("x"), Message("x"), Plural("x", "xs", count=1)}) == 2


@pytest.mark.parametrize(
    "message",
    [
        Message("nothing"),
        Message("%(a)s, %(b)s", a=1.5, b=["x", Message("this"), 2]),
        Plural("%(count)s horse of %(name)s", "%(count)s horses of %(name)s", 2, name=Message("this")),
        Message("%(day)s", day=date(2022, 1, 1)),
    ],
)
def test_stored_message_is_restored_unchanged(message):
    again = from_data(orjson.loads(orjson.dumps(message.as_data())))
    assert type(again) is type(message)
    assert str(again) == str(message)
    assert again.render(gettext, ngettext) == message.render(gettext, ngettext)
