"""What a root's file system holds, to be compared: before and after, whole and cut off.

Rules:
- Owners are compared by name, and accounts by all that is said of them but their numbers: packages that are cut off
  while they are set up go on in another order, and Debian counts as it goes.
"""

from __future__ import annotations

import hashlib
import os
import re
import stat
from pathlib import Path

#: What the distribution's own tools write as they run, whoever installs what.
USUAL = re.compile(
    r"(dev|proc|run|sys|tmp|stick|var/(cache|log|tmp)|var/lib/(apt|dpkg|systemd|dbus|python|pam|ucf|misc)|usr/share/man"
    r"|etc/(machine-id|resolv\.conf|mtab|ld\.so\.cache|\.pwd\.lock|\.updated|hosts|hostname|rc\d\.d|(passwd|group|shadow|gshadow|subuid"
    r"|subgid)-))(/|$)|root/\.|.*/__pycache__(/|$)"
)  # fmt: skip
Tree = dict[str, str]


def tree(root: Path, leaving_out: str = "^$") -> Tree:
    """Each path below a root with its kind, mode, owner, and what it holds."""
    found: Tree = {}
    out = re.compile(leaving_out)
    users, groups = _names(root / "etc/passwd"), _names(root / "etc/group")
    for folder, folders, files in os.walk(root):
        kept = []
        for name in folders + files:
            path = Path(folder, name)
            inside = path.relative_to(root).as_posix()
            if USUAL.match(inside) or out.match(inside):
                continue
            found[inside] = _said(path, inside, users, groups)
            if name in folders and not path.is_symlink():
                kept.append(name)
        folders[:] = kept
    return found


def _names(accounts: Path) -> dict[int, str]:
    lines = accounts.read_text().splitlines() if accounts.exists() else []
    return {int(line.split(":")[2]): line.split(":")[0] for line in lines if line.count(":") > 2}


def _account(line: str) -> str:
    """Without its numbers: ids, and the day on which it was made."""
    return ":".join("" if field.isdigit() else field for field in line.split(":"))


def _said(path: Path, inside: str, users: dict[int, str], groups: dict[int, str]) -> str:
    held = path.lstat()
    user, group = users.get(held.st_uid, str(held.st_uid)), groups.get(held.st_gid, str(held.st_gid))
    said = f"{stat.filemode(held.st_mode)} {user}:{group}"
    if stat.S_ISLNK(held.st_mode):
        return f"{said} -> {path.readlink()}"
    if re.fullmatch(r"etc/g?(shadow|passwd|group)", inside):
        accounts = sorted(map(_account, path.read_text().splitlines()))
        return f"{said} {hashlib.sha256(repr(accounts).encode()).hexdigest()[:16]}"
    if stat.S_ISREG(held.st_mode):
        return f"{said} {hashlib.sha256(path.read_bytes()).hexdigest()[:16]}"
    return said


def differences(before: Tree, after: Tree) -> list[str]:
    """One line a path that is new, gone or other."""
    lines = [f"new: {path}" for path in after.keys() - before.keys()]
    lines += [f"gone: {path}" for path in before.keys() - after.keys()]
    lines += [
        f"other: {path} ({before[path]} | {after[path]})"
        for path in before.keys() & after.keys()
        if before[path] != after[path]
    ]
    return sorted(lines)
