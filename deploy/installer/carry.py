"""Carries a plan out, takes it back, or only says it.

Rules:
- A step that is done is not done again; a second run finds nothing to do.
- What a run was about stands on the disk before its first change, so that one that was cut off is gone on with.
- After the last step every step is looked at once more: what does not hold is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from deploy.installer.machine import InstallError, Machine
from deploy.installer.plan import Role
from deploy.installer.services import STALE
from deploy.installer.steps import NOTES, Step, note, notes

Tell = Callable[[str], None]


def of_one_role(machine: Machine, role: Role) -> None:
    """Raises: InstallError where this machine is the other one already."""
    other = notes(machine).get("role", role)
    if other != role:
        raise InstallError(
            f"This machine is a {other} already, and a {role} needs one of its own: use another, or uninstall the"
            f" {other} first (install-{other} --uninstall)."
        )


def missing(machine: Machine, plan: Sequence[Step]) -> list[Step]:
    """What does not hold yet."""
    return [step for step in plan if not step.done(machine)]


def install(machine: Machine, role: Role, plan: Sequence[Step], tell: Tell) -> int:
    """Does what is missing; how many steps that were. Raises: InstallError."""
    of_one_role(machine, role)
    if not missing(machine, plan):
        return 0
    note(machine, role=role)
    machine.write(STALE, b"", 0o644, "root", "root")
    changed = 0
    for step in plan:
        if not step.done(machine):
            tell(step.says)
            step.do(machine)
            changed += 1
    for step in missing(machine, plan):
        raise InstallError(f"This does not hold after all was done: {step.says}. Look at it and run this again.")
    return changed


def uninstall(machine: Machine, role: Role, plan: Sequence[Step], tell: Tell, *, keep_data: bool = False) -> int:
    """Takes back what stands; how many steps that were. Raises: InstallError."""
    of_one_role(machine, role)
    gone = 0
    for step in reversed(plan):
        if not (keep_data and step.data) and step.undo(machine, keep_data):
            tell(step.says)
            gone += 1
    machine.remove(NOTES)
    return gone
