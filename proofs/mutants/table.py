"""All of them. A bug that was found in the suite and mended is a good one to add."""

from proofs.mutants import in_participants, in_the_saga
from proofs.mutants.mutant import Mutant

MUTANTS: tuple[Mutant, ...] = in_participants.MUTANTS + in_the_saga.MUTANTS
