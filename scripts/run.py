"""`make run`: the whole suite with one command, until Ctrl-C.

Exit codes: 0 stopped, 1 did not start, 2 a wrong setting, 3 a port or the data folder is taken.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from scripts import environment
from scripts.booking_suite import DEFAULT_DATA_DIR, FALSE, Config, ConfigError, booking_suite
from scripts.claim import TakenError
from scripts.console import Console
from scripts.demo_data import make_first_sagas
from scripts.follow import log_file
from scripts.ports import PortError
from scripts.prepare import PrepareError, prepare
from scripts.signals import STOPPING, wait_for_signal
from scripts.signals import stop_on_signals as stop_on_signals
from scripts.suite import WRONG_SETTING, SettingError, StartError, Suite

FAILED, TAKEN = 1, 3
WHAT = {"backend": "flights and sagas", "loyalty": "miles", "payment": "payments"}


def main() -> int:
    stop_on_signals()
    try:
        config = Config.from_environment()
        with closing(_console(config.data_dir)) as console:
            return run(config, console)
    except (ConfigError, SettingError) as error:
        return _fail(error, WRONG_SETTING)
    except (environment.InstallError, PrepareError, StartError) as error:
        return _fail(error, FAILED)
    except (PortError, TakenError) as error:
        return _fail(error, TAKEN)


def _console(data_dir: Path) -> Console:
    """The terminal leaves out what the runner says itself; the kept file has everything."""
    try:
        if data_dir == DEFAULT_DATA_DIR and data_dir.exists():
            data_dir.chmod(0o700)  # Another folder's mode is its owner's to choose.
        return Console(kept=log_file(data_dir), hidden=" demo_mode ")
    except OSError as error:
        raise ConfigError(
            f"DATA_DIR {data_dir} cannot be written: {error}. Choose another: DATA_DIR=... make run"
        ) from error


def run(config: Config, console: Console) -> int:
    began = time.monotonic()
    suite = booking_suite(config, console=console)

    lock = "traces" if os.environ.get("OTEL_TRACES_EXPORTER") == "otlp" else "runtime"

    def begin() -> None:
        console.say(needs(first=not environment.is_current(lock)))
        environment.ensure(lock)
        prepare(config, console)
        suite.start()
        if config.demo_mode and "backend" not in config.elsewhere:
            make_first_sagas(config.url("backend"), console)
        welcome(config, console, time.monotonic() - began)

    return until_stopped(suite, console, begin)


def needs(*, first: bool) -> str:
    """What a start needs and about how long it takes, on two cores."""
    lasts = "the first start installs packages from the network: about a minute" if first else "some seconds"
    return f"Needs four free ports and 0.5 GB of memory; {lasts}, and half a minute for a new data folder."


def until_stopped(suite: Suite, console: Console, begin: Callable[[], None]) -> int:
    """Claim, begin, and serve until a signal. What is taken is known before anything is installed."""
    suite.claim()
    try:
        begin()
        wait_for_signal()
    except KeyboardInterrupt:
        pass
    finally:
        _stop(suite, console)
    console.say("Stopped.")
    return 0


def _stop(suite: Suite, console: Console) -> None:
    try:
        if suite.started:
            console.say("Stopping; Ctrl-C once more ends it at once.")
        suite.stop()
    except KeyboardInterrupt:
        for number in STOPPING:
            signal.signal(number, signal.SIG_IGN)
        suite.kill_all()


def welcome(config: Config, console: Console, seconds: float) -> None:
    console.say()
    console.say(f"Ready after {seconds:.1f} s. Open {config.url('ui')}/")
    for name in (name for name in config.ports if name != "ui"):
        what = WHAT.get(name, name)
        elsewhere = ", not started here" if name in config.elsewhere else ""
        console.say(f"  {name:<8} {config.url(name)}/api/docs/  {what}{elsewhere}")
    console.say(f"  data     {config.data_dir}")
    console.say(f"  log      {log_file(config.data_dir)}; of one saga: {_follow(config)}")
    if config.demo_mode:
        console.say("  login    demo / demo-pass-2026")
        console.say("DEMO MODE: no credentials are asked and failures can be simulated. Not for production.")
    elif "ui" not in config.elsewhere and os.environ.get("SECURE_SSL_REDIRECT", "1") not in FALSE:
        console.say("  https    pages redirect there: a proxy with TLS belongs in front, docs/operations.md")
    console.say("Ctrl-C stops everything.")
    console.say()


def _follow(config: Config) -> str:
    folder = "" if config.data_dir == DEFAULT_DATA_DIR else f" DATA_DIR={config.data_dir}"
    return f"make follow ID=...{folder}"


def _fail(error: Exception, code: int) -> int:
    print(f"\n{error}", file=sys.stderr, flush=True)
    return code


if __name__ == "__main__":
    sys.exit(main())
