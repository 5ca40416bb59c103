"""Progress output of the steps of a load."""

import io

from loader.progress import Steps


def test_step_prints_and_stores_its_duration() -> None:
    stream = io.StringIO()
    steps = Steps(stream=stream)
    steps.say("hello [bold]there[/bold]")
    with steps.step("read", 3) as step:
        step.set_total(4)
        step.advance(2)
        step.set_done(1)
    assert "hello [bold]there[/bold]" in stream.getvalue()
    assert "read" in stream.getvalue()
    assert set(steps.seconds) == {"read"}


def test_terminal_gets_a_progress_bar() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    stream = Terminal()
    with Steps(stream=stream).step("download") as step:
        step.set_total(8)
        step.set_done(5)
        step.advance()
        step.set_done(8)
    assert "download" in stream.getvalue()
