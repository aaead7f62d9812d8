"""Runs services side by side: starts them, waits until they are ready, starts again what dies, ends all."""

import signal
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from scripts.call import NoAnswerError, call
from scripts.child import Child
from scripts.claim import Claim
from scripts.console import Console
from scripts.ports import require_free
from scripts.service import Service

READY_WITHIN, STOP_WITHIN = 180.0, 10.0
KILLED_WITHIN = 3.0
POLL = 0.05
FIRST_PAUSE, LONGEST_PAUSE, STEADY_AFTER = 0.5, 10.0, 30.0
TRIES_BEFORE_READY = 3


WRONG_SETTING = 2
"exit code of a service that refuses a setting"


class StartError(Exception):
    """The suite did not become ready."""


class SettingError(StartError):
    """A service refuses a setting, in its own words."""


@dataclass
class Slot:
    """A service's place: whether it shall run, its present process, and when it may start again."""

    child: Child
    wanted: bool = False
    started_at: float = 0.0
    not_before: float = 0.0
    pause: float = FIRST_PAUSE
    deaths: int = 0
    was_ready: bool = False
    refused: str = ""


class Suite:
    """Services under one supervising thread. Use it as a context manager, or `start` and `stop`.

    With `restart=False` a service that dies stays dead until `start_one`; otherwise the pause before its
    next start doubles up to `longest_pause` seconds.
    """

    def __init__(
        self,
        services: Sequence[Service],
        *,
        data_dir: Path,
        console: Console | None = None,
        restart: bool = True,
        longest_pause: float = LONGEST_PAUSE,
    ) -> None:
        self.console = console or Console()
        self._longest_pause = longest_pause
        self._slots = {each.name: Slot(Child(each, self.console)) for each in services}
        self._data_dir = data_dir
        self._restart = restart
        self._claim: Claim | None = None
        # Guards the slots; held while a process is started, never while one is waited for.
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._supervisor: threading.Thread | None = None

    # -- the whole suite

    def claim(self) -> None:
        """Take the data folder, end what an earlier suite left there, and see that the ports are free.

        Raises TakenError or PortError; nothing has been started then.
        """
        if self._claim is None:
            claim = Claim(self._data_dir)
            try:
                if left := claim.end_leftovers():
                    self.console.say(f"Ended {left} processes that an earlier run had left.")
                require_free(slot.child.service for slot in self._slots.values())
            except BaseException:
                claim.release()
                raise
            self._claim = claim

    def start(self, within: float = READY_WITHIN) -> None:
        """Start everything and return when all are ready. Raises StartError and ends what had started."""
        self.claim()
        try:
            for name in self._slots:
                self._want(name)
            self._supervise()
            self.wait_ready(within)
        except BaseException:
            self.stop()
            raise

    def stop(self, within: float = STOP_WITHIN) -> None:
        """End every service: politely, and after `within` seconds by SIGKILL."""
        self._unwant(self._slots)
        self._end(list(self._slots.values()), signal.SIGTERM, within)
        self._close()

    def kill_all(self) -> None:
        """What a power cut does: no service may tidy up, none is started again."""
        self._unwant(self._slots)
        self._end(list(self._slots.values()), signal.SIGKILL, 0)
        self._close()

    def __enter__(self) -> "Suite":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    # -- single services

    @property
    def started(self) -> bool:
        """Whether any service was ever started."""
        return self._supervisor is not None

    @property
    def names(self) -> list[str]:
        return list(self._slots)

    def url(self, name: str) -> str:
        return self._slots[name].child.service.url

    def pid(self, name: str) -> int | None:
        return self._slots[name].child.pid

    def service(self, name: str) -> Service:
        return self._slots[name].child.service

    def put(self, service: Service) -> None:
        """What the place of that name runs from its next start on."""
        self._slots[service.name].child.service = service

    def start_one(self, name: str, within: float = READY_WITHIN) -> None:
        self._want(name)
        self.wait_ready(within, [name])

    def stop_one(self, name: str, within: float = STOP_WITHIN) -> None:
        self._unwant([name])
        self._end([self._slots[name]], signal.SIGTERM, within)

    def kill(self, name: str) -> None:
        """SIGKILL; the supervisor starts it again unless `restart` is off."""
        if self._restart:
            self._slots[name].child.kill()
        else:
            self._unwant([name])
            self._end([self._slots[name]], signal.SIGKILL, 0)

    def send(self, name: str, number: signal.Signals) -> None:
        """A signal to all of a service, such as SIGSTOP."""
        self._slots[name].child.send(number)

    def wait_ready(self, within: float = READY_WITHIN, names: Sequence[str] = ()) -> None:
        deadline = time.monotonic() + within
        waiting = list(names or self._slots)
        while waiting := [name for name in waiting if not self._ready(name)]:
            self._give_up_on_the_dying(waiting)
            if time.monotonic() > deadline:
                raise StartError(f"not ready after {within:.0f} s: {', '.join(waiting)}")
            time.sleep(POLL)

    # -- inside

    def _want(self, name: str) -> None:
        with self._lock:
            slot = self._slots[name]
            slot.wanted, slot.not_before, slot.deaths, slot.refused = True, 0.0, 0, ""

    def _unwant(self, names: Sequence[str] | dict[str, Slot]) -> None:
        with self._lock:
            for name in names:
                self._slots[name].wanted = False

    def _ready(self, name: str) -> bool:
        slot = self._slots[name]
        service = slot.child.service
        if not slot.child.running() or (service.port is not None and not _answers(service)):
            return False
        slot.deaths, slot.was_ready = 0, True
        return True

    def _give_up_on_the_dying(self, names: Sequence[str]) -> None:
        for name in names:
            if why := self._slots[name].refused:
                raise SettingError(f"{name}: {why}")
        dying = [name for name in names if self._slots[name].deaths >= TRIES_BEFORE_READY]
        if dying:
            raise StartError(f"{dying[0]} ended {TRIES_BEFORE_READY} times; its lines above say why")

    def _supervise(self) -> None:
        if self._supervisor and self._supervisor.is_alive():
            return
        self._closing.clear()
        self._supervisor = threading.Thread(target=self._reconcile, name="supervisor", daemon=True)
        self._supervisor.start()

    def _reconcile(self) -> None:
        """Every child is started here, because Linux ends a child with the thread that started it."""
        noted = True
        while not self._closing.wait(POLL):
            with self._lock:
                changed = [self._reconcile_one(name, slot) for name, slot in self._slots.items()]
                noted = (noted and not any(changed)) or self._note()

    def _note(self) -> bool:
        """Whether what runs is noted. A full disk must not end this thread, and all services with it."""
        if self._claim:
            try:
                self._claim.note(slot.child for slot in self._slots.values())
            except OSError:
                return False
        return True

    def _reconcile_one(self, name: str, slot: Slot) -> bool:
        """Whether a process was started."""
        if not slot.wanted or slot.child.running():
            return False
        now = time.monotonic()
        if slot.child.pid is not None:
            self._mourn(name, slot, now)
        if now < slot.not_before or not slot.wanted:
            return False
        slot.started_at = now
        try:
            slot.child.spawn()
        except OSError as error:
            slot.deaths += 1
            self.console.line(name, f"cannot be started ({error}); {self._start_later(slot, now)}")
            return False
        return True

    def _mourn(self, name: str, slot: Slot, now: float) -> None:
        """Say that the process ended, end the rest of its group, and set when the next may start."""
        code = slot.child.returncode()
        slot.child.send(signal.SIGKILL)
        slot.child.forget()
        slot.deaths += 1
        if code == WRONG_SETTING and not slot.was_ready:
            slot.refused = slot.child.last_line
        if slot.refused or not self._restart:
            slot.wanted = False
            self.console.line(name, f"ended ({_reason(code)})")
            return
        self.console.line(name, f"ended ({_reason(code)}); {self._start_later(slot, now)}")

    def _start_later(self, slot: Slot, now: float) -> str:
        steady = now - slot.started_at >= STEADY_AFTER
        pause = FIRST_PAUSE if steady else slot.pause
        slot.not_before, slot.pause = now + pause, min(pause * 2, self._longest_pause)
        return f"it is started again in {pause:g} s"

    def _end(self, slots: Sequence[Slot], number: signal.Signals, within: float) -> None:
        for slot in slots:
            slot.child.send(number)
        _wait_gone(slots, within)
        for slot in slots:
            # Even where the leader has ended, something of its group may be left.
            slot.child.send(signal.SIGKILL)
        _wait_gone(slots, KILLED_WITHIN)
        with self._lock:
            for slot in slots:
                slot.child.forget()

    def _close(self) -> None:
        self._closing.set()
        if self._supervisor:
            self._supervisor.join()
        if self._claim:
            self._claim.release()
            self._claim = None


def _answers(service: Service) -> bool:
    try:
        status, _ = call("GET", service.url + service.ready_path, timeout=5)
    except NoAnswerError:
        return False
    return status == 200


def _wait_gone(slots: Sequence[Slot], within: float) -> None:
    deadline = time.monotonic() + within
    while any(slot.child.running() for slot in slots) and time.monotonic() < deadline:
        time.sleep(POLL / 2)


def _reason(code: int | None) -> str:
    if code is not None and code < 0:
        return f"signal {signal.Signals(-code).name}"
    return f"exit code {code}"
