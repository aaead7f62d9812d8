"""`make profile`: where the CPU of a booking goes: a flame graph of each service under load, and a table."""

import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from bench import systems
from bench.layers import shares
from bench.plan import OUTPUT, Plan, read
from bench.run import Bench
from bench.systems import PARTS, Place, Stage
from scripts.console import Console
from scripts.paths import VENV

PY_SPY = "py-spy==0.4.3"
SAMPLES_PER_SECOND = 200
START_WITHIN = 10
"seconds that a busy machine may take to start py-spy; the load goes on for so long"
FORMATS = {".svg": "flamegraph", ".stacks": "raw"}


def command() -> list[str]:
    """py-spy from the PATH, or fetched for this once."""
    found = shutil.which("py-spy")
    return [found] if found else [str(VENV / "bin" / "uvx"), "--quiet", PY_SPY]


def record(pid: int, seconds: float, output: Path) -> "subprocess.Popen[bytes]":
    """Only threads that hold the interpreter count, and nothing is paused for the look."""
    options = ["--pid", str(pid), "--subprocesses", "--gil", "--nonblocking"]
    options += ["--format", FORMATS[output.suffix], "--output", str(output)]
    timing = ["--duration", str(round(seconds)), "--rate", str(SAMPLES_PER_SECOND)]
    return subprocess.Popen([*command(), "record", *options, *timing], stdout=subprocess.DEVNULL)


def profile(plan: Plan, console: Console) -> None:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="profile-")))
        stage = Stage()
        systems.suite(stage, Place(folder, None))
        systems.prepare(stage)
        bench = Bench(plan, console, stage, folder, None)
        suite = stack.enter_context(bench.running(stage))
        load = bench.load(stage.systems[0], 8, bench.flights(), seconds=plan.seconds + START_WITHIN)
        load.ready()
        plan.output.mkdir(parents=True, exist_ok=True)
        outputs = {part: plan.output / f"profile-{part}.svg" for part in PARTS[:3]}
        spies = [
            record(pid, plan.seconds, output.with_suffix(suffix))
            for part, output in outputs.items()
            for suffix in FORMATS
            if (pid := suite.pid(f"{systems.OURS}-{part}"))
        ]
        load.run()
        for spy in spies:
            spy.wait()
    for part, output in outputs.items():
        stacks = output.with_suffix(".stacks")
        if not stacks.exists():
            console.say(f"{part}: py-spy wrote nothing; it may need more rights")
            continue
        console.say(f"{part}: {output}")
        for name, share in shares(stacks.read_text().splitlines()).items():
            console.say(f"    {share:4.0f} %  {name}")


def main() -> int:
    profile(read(["--seconds", "15", "--output", str(OUTPUT), *sys.argv[1:]]), Console())
    return 0


if __name__ == "__main__":
    sys.exit(main())
