"""However a command ends, there is one exit code and at most one message."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import typer

from coexplore.cli.errors import BAD_INPUT, DEBUG_VARIABLE, INTERRUPTED, UNEXPECTED, reported
from coexplore.core.errors import CoexploreError, ConfigError, MissingExtraError, UnknownNameError


def ending(command: Callable[[], int]) -> int:
    with pytest.raises(typer.Exit) as caught:
        reported(command)()
    return caught.value.exit_code


def raising(error: BaseException) -> Callable[[], int]:
    def command() -> int:
        raise error

    return command


@pytest.mark.parametrize("code", [0, 1])
def test_the_code_of_a_command_is_the_exit_code(code: int) -> None:
    assert ending(lambda: code) == code


@pytest.mark.parametrize(
    "error",
    [
        CoexploreError("wrong"),
        ConfigError("budget.trials: wrong"),
        UnknownNameError("family", "a", ["b"]),
        MissingExtraError("training", "train"),
        PermissionError(13, "Permission denied", "wrong.yaml"),
    ],
)
def test_bad_input_is_one_line_and_no_traceback(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(raising(error)) == BAD_INPUT
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: {error}\n"


def test_a_defect_asks_for_a_report_and_hides_the_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DEBUG_VARIABLE, raising=False)
    assert ending(raising(ZeroDivisionError("by zero"))) == UNEXPECTED
    err = capsys.readouterr().err
    assert "ZeroDivisionError: by zero" in err
    assert DEBUG_VARIABLE in err
    assert "Traceback" not in err


@pytest.mark.parametrize("error", [ZeroDivisionError("by zero"), ConfigError("wrong")])
def test_debugging_shows_the_traceback(
    error: Exception, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    ending(raising(error))
    assert "Traceback" in capsys.readouterr().err


def test_an_interrupt_says_how_to_go_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert ending(raising(KeyboardInterrupt("stopped; run it again"))) == INTERRUPTED
    assert capsys.readouterr().err == "stopped; run it again\n"
