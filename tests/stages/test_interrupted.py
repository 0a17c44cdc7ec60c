from __future__ import annotations

import subprocess
import sys
import time

from harvest.ledger import derived, open_ledger
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.normalize import run_normalize, size_digests

PROGRAM = """
import sys
from pathlib import Path
from harvest.config.recipe import load_recipe
from harvest.progress import SilentProgress
from harvest.stages import normalize
from harvest.workspace import Workspace

normalize._BATCH = 4
if __name__ == "__main__":
    recipe = load_recipe(Path(sys.argv[2]))
    normalize.run_normalize(Workspace(Path(sys.argv[1])), recipe, progress=SilentProgress())
"""


def test_a_killed_stage_goes_on_where_its_last_batch_was_written(herbarium, recipe, picture, tmp_path):
    for seed in range(40):
        herbarium.meet(picture(seed, 1200, 900))
    herbarium.crawl()
    sized = recipe("sizes: [{px: 512}]\ndedupe: {near: null}\nlayout: null")
    run_dedupe(herbarium.workspace, sized, progress=SilentProgress())
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)

    process = subprocess.Popen([sys.executable, str(program), str(herbarium.workspace.root), str(sized.file)])
    while rows(herbarium, sized) < 4:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait()

    before = rows(herbarium, sized)
    assert 4 <= before < 40
    report = run_normalize(herbarium.workspace, sized, progress=SilentProgress())
    assert (report.done, report.skipped) == (40 - before, before)
    assert rows(herbarium, sized) == 40
    assert len(list((herbarium.workspace.derived / "512").glob("*.jpg"))) == 40


def rows(herbarium, recipe) -> int:
    with open_ledger(herbarium.workspace) as con:
        return len(derived(con, 512, size_digests(recipe)[512]))
