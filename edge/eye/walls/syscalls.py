"""Numbers of the system calls that the walls name, for both kinds of machine that an eye runs on.

Rules: the tables end at `NEWEST`. What a later kernel adds is unknown here, and the filter says that it does not exist.

Source: Linux 6.18, ``arch/x86/entry/syscalls/syscall_64.tbl`` and ``scripts/syscall.tbl``.
"""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from typing import Final

NEWEST: Final = 469

# Denied whatever the arguments.
_DENIED: Final = (
    # files: nothing is made, cut, renamed, removed, or has its attributes changed
    "creat openat2 open_by_handle_at name_to_handle_at truncate ftruncate fallocate memfd_create memfd_secret "
    "rename renameat renameat2 link linkat symlink symlinkat mkdir mkdirat rmdir mknod mknodat unlink unlinkat "
    "chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat utime utimes futimesat utimensat setxattr "
    "lsetxattr fsetxattr setxattrat removexattr lremovexattr fremovexattr removexattrat file_setattr "
    # ways to move bytes around write()
    "sendfile splice tee vmsplice copy_file_range io_setup io_submit io_uring_setup io_uring_enter "
    "io_uring_register remap_file_pages shmget shmat semget msgget msgsnd mq_open mq_timedsend "
    # sockets: only send() and recv() on the one that is open
    "socket socketpair connect bind listen accept accept4 sendmsg sendmmsg recvmsg recvmmsg setsockopt "
    # processes: none is made, run, traced or signalled
    "fork vfork execve execveat unshare setns ptrace process_vm_readv process_vm_writev process_madvise "
    "process_mrelease kcmp pidfd_open pidfd_getfd pidfd_send_signal tkill rt_sigqueueinfo rt_tgsigqueueinfo "
    # the kernel, and the eye's own walls
    "userfaultfd perf_event_open bpf add_key request_key keyctl setrlimit munlock munlockall capset setuid "
    "setgid setreuid setregid setresuid setresgid setfsuid setfsgid setgroups mount umount2 pivot_root chroot "
    "move_mount open_tree open_tree_attr fsopen fsconfig fsmount fspick mount_setattr swapon swapoff reboot "
    "acct quotactl quotactl_fd init_module finit_module delete_module kexec_load kexec_file_load iopl ioperm "
    "fanotify_init "
)

_BOTH: Final = (
    "openat2=437 memfd_secret=447 fchmodat2=452 setxattrat=463 removexattrat=466 file_setattr=469 "
    "io_uring_setup=425 io_uring_enter=426 io_uring_register=427 process_madvise=440 process_mrelease=448 "
    "pidfd_open=434 pidfd_getfd=438 pidfd_send_signal=424 move_mount=429 open_tree=428 open_tree_attr=467 "
    "fsopen=430 fsconfig=431 fsmount=432 fspick=433 mount_setattr=442 quotactl_fd=443 clone3=435 "
    "landlock_create_ruleset=444 landlock_add_rule=445 landlock_restrict_self=446 "
)
_X86_64: Final = (
    "creat=85 open_by_handle_at=304 name_to_handle_at=303 truncate=76 ftruncate=77 fallocate=285 "
    "memfd_create=319 rename=82 renameat=264 renameat2=316 link=86 linkat=265 symlink=88 symlinkat=266 "
    "mkdir=83 mkdirat=258 rmdir=84 mknod=133 mknodat=259 unlink=87 unlinkat=263 chmod=90 fchmod=91 "
    "fchmodat=268 chown=92 fchown=93 lchown=94 fchownat=260 utime=132 utimes=235 futimesat=261 utimensat=280 "
    "setxattr=188 lsetxattr=189 fsetxattr=190 removexattr=197 lremovexattr=198 fremovexattr=199 sendfile=40 "
    "splice=275 tee=276 vmsplice=278 copy_file_range=326 io_setup=206 io_submit=209 remap_file_pages=216 "
    "shmget=29 shmat=30 semget=64 msgget=68 msgsnd=69 mq_open=240 mq_timedsend=242 socket=41 socketpair=53 "
    "connect=42 bind=49 listen=50 accept=43 accept4=288 sendmsg=46 sendmmsg=307 recvmsg=47 recvmmsg=299 "
    "setsockopt=54 fork=57 vfork=58 execve=59 execveat=322 unshare=272 setns=308 ptrace=101 "
    "process_vm_readv=310 process_vm_writev=311 kcmp=312 tkill=200 rt_sigqueueinfo=129 rt_tgsigqueueinfo=297 "
    "userfaultfd=323 perf_event_open=298 bpf=321 add_key=248 request_key=249 keyctl=250 setrlimit=160 "
    "munlock=150 munlockall=152 capset=126 setuid=105 setgid=106 setreuid=113 setregid=114 setresuid=117 "
    "setresgid=119 setfsuid=122 setfsgid=123 setgroups=116 mount=165 umount2=166 pivot_root=155 chroot=161 "
    "swapon=167 swapoff=168 reboot=169 acct=163 quotactl=179 init_module=175 finit_module=313 "
    "delete_module=176 kexec_load=246 kexec_file_load=320 iopl=172 ioperm=173 fanotify_init=300 open=2 "
    "openat=257 sendto=44 prlimit64=302 mmap=9 clone=56 kill=62 tgkill=234 prctl=157 ioctl=16 write=1 "
    "seccomp=317 "
)
_AARCH64: Final = (
    "open_by_handle_at=265 name_to_handle_at=264 truncate=45 ftruncate=46 fallocate=47 memfd_create=279 "
    "renameat=38 renameat2=276 linkat=37 symlinkat=36 mkdirat=34 mknodat=33 unlinkat=35 fchmod=52 fchmodat=53 "
    "fchown=55 fchownat=54 utimensat=88 setxattr=5 lsetxattr=6 fsetxattr=7 removexattr=14 lremovexattr=15 "
    "fremovexattr=16 sendfile=71 splice=76 tee=77 vmsplice=75 copy_file_range=285 io_setup=0 io_submit=2 "
    "remap_file_pages=234 shmget=194 shmat=196 semget=190 msgget=186 msgsnd=189 mq_open=180 mq_timedsend=182 "
    "socket=198 socketpair=199 connect=203 bind=200 listen=201 accept=202 accept4=242 sendmsg=211 sendmmsg=269 "
    "recvmsg=212 recvmmsg=243 setsockopt=208 execve=221 execveat=281 unshare=97 setns=268 ptrace=117 "
    "process_vm_readv=270 process_vm_writev=271 kcmp=272 tkill=130 rt_sigqueueinfo=138 rt_tgsigqueueinfo=240 "
    "userfaultfd=282 perf_event_open=241 bpf=280 add_key=217 request_key=218 keyctl=219 setrlimit=164 "
    "munlock=229 munlockall=231 capset=91 setuid=146 setgid=144 setreuid=145 setregid=143 setresuid=147 "
    "setresgid=149 setfsuid=151 setfsgid=152 setgroups=159 mount=40 umount2=39 pivot_root=41 chroot=51 "
    "swapon=224 swapoff=225 reboot=142 acct=89 quotactl=60 init_module=105 finit_module=273 delete_module=106 "
    "kexec_load=104 kexec_file_load=294 fanotify_init=262 openat=56 sendto=206 prlimit64=261 mmap=222 "
    "clone=220 kill=129 tgkill=131 prctl=167 ioctl=29 write=64 seccomp=277 "
)


@dataclass(frozen=True, slots=True)
class Machine:
    """One kind of machine. ``audit_arch`` is what a filter sees of it; ``numbers`` has no call that it lacks."""

    name: str
    audit_arch: int
    numbers: dict[str, int]


def _numbers(table: str) -> dict[str, int]:
    return {name: int(number) for name, _, number in (entry.partition("=") for entry in (_BOTH + table).split())}


DENIED: Final = tuple(_DENIED.split())
MACHINES: Final = {
    "x86_64": Machine("x86_64", 0xC000003E, _numbers(_X86_64)),
    "aarch64": Machine("aarch64", 0xC00000B7, _numbers(_AARCH64)),
}


def this_machine() -> Machine | None:
    """The machine that this process runs on; None where no filter is known for it, as on 32-bit systems."""
    return MACHINES.get(platform.machine()) if sys.maxsize > 2**32 else None
