"""What the checking of one invariant found."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Violation:
    text: str
    correlation_id: str = ""


@dataclass
class Findings:
    checked: int = 0
    violations: list[Violation] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    "worth a line, and no violation"

    def expect(self, holds: bool, text: str, correlation_id: str = "") -> None:
        if holds:
            self.checked += 1
        else:
            self.broken(text, correlation_id)

    def broken(self, text: str, correlation_id: str = "") -> None:
        self.checked += 1
        self.violations.append(Violation(text, correlation_id))
