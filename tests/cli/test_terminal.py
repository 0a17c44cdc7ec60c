from __future__ import annotations

import pytest

from harvest.cli.terminal import Terminal


@pytest.mark.parametrize("line", ["python train.py \\", "a \\\\", "[bold]not bold[/bold]", ":shell: stays", "x" * 300])
def test_words_are_said_to_the_letter(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    Terminal().say(line)

    assert capsys.readouterr().err == f"{line}\n"
