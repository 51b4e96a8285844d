"""What is printed of somebody else's text."""

import io

from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.text import Text

from roadcue.errors import BadInput, exit_code, printable


def test_what_a_terminal_obeys_is_written_out():
    assert printable("a\x1b[31m\rb\x9b\u202e\udcff\x00") == r"a\x1b[31m\rb\x9b\u202e\udcff\x00"
    assert printable("für 😀\ta\nline [red]") == "für 😀\ta\nline [red]"


@given(st.text(st.characters(exclude_categories=())))
def test_any_text_is_printed(text):
    written = io.StringIO()
    Console(file=written).print(Text(printable(text)))
    assert "\x1b" not in written.getvalue()
    written.getvalue().encode()


def test_an_error_is_no_command_for_the_terminal(capsys):
    def fail():
        raise BadInput("\x1b[2Jgone")

    assert exit_code(fail) == 2
    assert capsys.readouterr().err == "error: \\x1b[2Jgone\n"
