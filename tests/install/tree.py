"""What a root's file system holds, to be compared: before and after, whole and cut off."""

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
    for folder, folders, files in os.walk(root):
        kept = []
        for name in folders + files:
            path = Path(folder, name)
            inside = path.relative_to(root).as_posix()
            if USUAL.match(inside) or out.match(inside):
                continue
            found[inside] = _said(path)
            if name in folders and not path.is_symlink():
                kept.append(name)
        folders[:] = kept
    return found


def _said(path: Path) -> str:
    held = path.lstat()
    said = f"{stat.filemode(held.st_mode)} {held.st_uid}:{held.st_gid}"
    if stat.S_ISLNK(held.st_mode):
        return f"{said} -> {path.readlink()}"
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
