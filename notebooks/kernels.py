"""Kernels that run notebooks: on sockets that no other kernel can take; in tests, where many start, forked.

A kernel takes two seconds of a processor to import what every lesson imports. So the first of many starts a
server, this file as a program: it has all that imported, and starts a kernel by forking itself. What runs in
the fork is ipykernel's own launcher, as a new ``__main__``, in the folder and environment that it is told.
"""

import atexit
import gc
import json
import os
import runpy
import shutil
import signal
import subprocess
import sys
import tempfile
from functools import cache

from jupyter_client.launcher import launch_kernel
from jupyter_client.manager import AsyncKernelManager, KernelManager
from jupyter_client.provisioning import local_provisioner

LAUNCHER = "ipykernel_launcher"
# Nobody looks at the pictures here, and to cut one to what it holds, matplotlib draws it twice.
DRAW_ONCE = "--InlineBackend.print_figure_kwargs={'bbox_inches': None}"


class ByFile:
    """Kernels that are spoken to through files: two that started at once have taken the same port.

    Outside POSIX there are no such files, and there it is by ports as ever.
    """

    if os.name == "posix":

        def _transport_default(self) -> str:
            return "ipc"

        def _ip_default(self) -> str:  # of these sockets it is the beginning of their files' names
            return os.path.join(tempfile.mkdtemp(), "kernel")

        def cleanup_ipc_files(self) -> None:
            super().cleanup_ipc_files()
            shutil.rmtree(os.path.dirname(self.ip), ignore_errors=True)


class Blocking(ByFile, KernelManager):
    """For nbval, which waits for each answer."""


class Concurrent(ByFile, AsyncKernelManager):
    """For nbclient, which listens to several sockets at once."""


class Forked:
    """What jupyter_client asks of a process, for one that is a child of the server."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int):
        self.pid = pid

    def poll(self) -> int | None:
        try:
            os.kill(self.pid, 0)
        except ProcessLookupError:
            return 0
        return None

    def wait(self) -> int:  # jupyter_client asks once the process is gone
        return 0

    def send_signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


@cache
def server() -> subprocess.Popen:
    """The server of this process, which ends before it: once nothing more can come to read."""
    process = subprocess.Popen(
        [sys.executable, __file__],
        env={
            **os.environ,
            "MPLBACKEND": "module://matplotlib_inline.backend_inline",
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",  # or the debugger warns of itself
        },
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    atexit.register(process.communicate)
    return process


def launch(
    command: list[str], *, cwd: str | None = None, env: dict[str, str] | None = None, **streams
) -> Forked | subprocess.Popen:
    """What ``jupyter_client.launcher.launch_kernel`` does, by a fork of the server.

    Kernels that tests start in other ways than for a notebook are left to jupyter_client.
    """
    if cwd is None or env is None or LAUNCHER not in command:
        return launch_kernel(command, cwd=cwd, env=env, **streams)
    arguments = [*command[command.index(LAUNCHER) + 1 :], DRAW_ONCE]
    server().stdin.write(json.dumps([arguments, os.path.abspath(cwd), env]) + "\n")
    server().stdin.flush()
    return Forked(int(server().stdout.readline()))


def fork_them() -> None:
    """Start kernels by a fork from now on."""
    local_provisioner.launch_kernel = launch


def serve() -> None:
    """Fork a kernel for every line that comes in; end where no more can come."""
    import_what_lessons_import()
    gc.freeze()  # or the kernels' searches for garbage would copy all of it
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # nobody waits for a kernel that has ended
    for line in sys.stdin:
        parent = os.getpid()
        if os.fork():
            continue
        arguments, folder, environment = json.loads(line)
        os.setsid()  # before its number is known, since signals will go to its group
        print(os.getpid(), flush=True)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for stream in range(3):
            os.dup2(nothing, stream)
        os.chdir(folder)
        os.environ.clear()
        os.environ.update(environment, JPY_PARENT_PID=str(parent))
        sys.argv[1:] = arguments
        sys.path[0] = ""
        runpy.run_module(LAUNCHER, run_name="__main__", alter_sys=True)
        return


def import_what_lessons_import() -> None:
    """Also what ipykernel imports by itself. No picture is begun: that would settle where pictures go."""
    import ipykernel.debugger  # noqa: F401
    import ipykernel.kernelapp  # noqa: F401
    import ipykernel.zmqshell  # noqa: F401
    import IPython.core.completerlib  # noqa: F401
    import IPython.extensions.storemagic  # noqa: F401
    import matplotlib.pyplot  # noqa: F401
    import pandas as pd
    import seaborn  # noqa: F401
    import statsmodels.formula.api  # noqa: F401

    import course.exercises
    import course.plots
    from course.plots import page

    for name in course.__all__:
        getattr(course, name)
    page._png = draw
    # where there is no IPython yet, pandas takes a server for a terminal, and would cut wide tables
    pd.set_option("display.max_columns", 20)


def draw(figure) -> tuple[str, int, int]:
    """In place of `course.plots.page._png`: all that is in a picture is drawn, nothing coloured in.

    So what hinders the drawing shows, and no time goes into points that nobody sees or compares, nor into the
    room between panels, which matplotlib finds by drawing them several times.
    """
    figure.set_layout_engine("none")
    figure.draw_without_rendering()
    return "", 0, 0


if __name__ == "__main__":
    serve()
