from __future__ import annotations

import subprocess
import sys

from harvest.ledger import derived, open_ledger
from harvest.progress import SilentProgress
from harvest.stages.dedupe import run_dedupe
from harvest.stages.normalize import run_normalize, size_digests

# Makes sizes, four images at a time, and waits to be killed when it has three batches.
PROGRAM = """
import sys, time
from pathlib import Path
from harvest.config.recipe import load_recipe
from harvest.progress import SilentProgress
from harvest.processes import batches
from harvest.stages import normalize
from harvest.workspace import Workspace

def three_batches(results, size):
    for number, batch in enumerate(batches(results, size)):
        if number == 3:
            print("three are written", flush=True)
            time.sleep(3600)
        yield batch

normalize._BATCH, normalize.batches = 4, three_batches
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

    command = [sys.executable, str(program), str(herbarium.workspace.root), str(sized.file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline() == "three are written\n"
        process.kill()

    assert rows(herbarium, sized) == 12
    report = run_normalize(herbarium.workspace, sized, progress=SilentProgress())
    assert (report.done, report.skipped) == (28, 12)
    assert rows(herbarium, sized) == 40
    assert len(list((herbarium.workspace.derived / "512").glob("*.jpg"))) == 40


def rows(herbarium, recipe) -> int:
    with open_ledger(herbarium.workspace) as con:
        return len(derived(con, 512, size_digests(recipe)[512]))
