"""geography.translation: English texts with values, put into another language where they are sent."""

from datetime import date

import orjson
import pytest

from geography.translation import Message, Plural, from_data

FRENCH = {"%(name)s needs %(why)s.": "%(why)s manque à %(name)s.", "this": "ceci"}


def gettext(text):
    return FRENCH.get(text, text)


def ngettext(item, many, count):
    return "%(count)s chevaux" if count > 1 else "un cheval"


def test_a_message_reads_as_english_by_itself():
    assert str(Message("%(name)s needs %(why)s.", name="lat", why=Message("this"))) == "lat needs this."


def test_words_among_the_values_are_translated_with_it():
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
        ("a\x00b\u202e\ud800", "a\\x00b\\u202e\\ud800"),
    ],
)
def test_values_are_written_as_parameters_take_them_and_never_hidden(value, shown):
    assert str(Message("<%(value)s>", value=value)) == f"<{shown}>"


@pytest.mark.parametrize(
    ("count", "english", "french"), [(0, "0 horses", "un cheval"), (1, "1 horse", "un cheval"), (2, "2 horses", "2 chevaux")]
)
def test_the_form_goes_by_the_number_in_each_language(count, english, french):
    message = Plural("%(count)s horse", "%(count)s horses", count=count)
    assert str(message) == english
    assert message.render(gettext, ngettext) == french


def test_equal_texts_with_equal_values_are_equal():
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
def test_a_message_that_was_stored_says_the_same_in_every_language(message):
    again = from_data(orjson.loads(orjson.dumps(message.as_data())))
    assert type(again) is type(message)
    assert str(again) == str(message)
    assert again.render(gettext, ngettext) == message.render(gettext, ngettext)
