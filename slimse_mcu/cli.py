"""The command ``slimse``.

The only place that turns errors into exit codes: 0 done, 1 the board differs from the specification, 2 the user can
mend it (one line ``error: ...`` on stderr), 130 stopped with Ctrl-C or a signal.  Results go to stdout, progress to
stderr.  Everything heavy is imported by the command that needs it, so that ``slimse --help`` answers at once.
"""

from __future__ import annotations

import os
import pkgutil
import signal
import sys
from importlib import import_module

import click

from slimse_mcu import commands
from slimse_mcu.errors import SlimseError
from slimse_mcu.version import VERSION

_WIDTH = 100


def main(arguments: list[str] | None = None) -> None:
    """Run a command and exit with its code."""
    _limit_threads()
    for name in ("SIGTERM", "SIGHUP"):  # end like Ctrl-C: boards are stopped, nothing half-written stays
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def _limit_threads() -> None:
    """Let NumPy multiply matrices in one thread, before it is imported.

    A frame's matrices are so small that more threads save nothing, and on a busy computer they wait for one another at
    every product: compiling the zoo's largest model took 190 s in place of 18 s.
    """
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS"):
        os.environ.setdefault(name, "1")


def run(arguments: list[str]) -> int:
    """Run a command.

    Args:
        arguments: Without the program's name.

    Returns:
        The exit code.
    """
    try:
        code = slimse.main(args=arguments, prog_name="slimse", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("Stopped.", err=True)
        return 130
    except click.ClickException as error:
        context = getattr(error, "ctx", None)
        way_out = f" See '{context.command_path} --help'." if context is not None else ""
        message = error.format_message().rstrip(".")
        return _fail(message + ("" if message.endswith("?") else ".") + way_out)
    except SlimseError as error:
        return _fail(str(error))
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "slimse_mcu":
            raise
        return _fail(f"The Python package {error.name} is missing. See `slimse doctor` for how to get it.")
    except BrokenPipeError:
        sys.stderr.close()
        return 0
    except OSError as error:
        if error.filename is None:
            raise
        return _fail(f"{error.filename}: {error.strerror}. Check the path and its permissions.")
    return code if isinstance(code, int) else 0


def _fail(message: str) -> int:
    click.echo("error: " + " ".join(message.split()), err=True)
    return 2


class _Verbs(click.Group):
    """The commands are the modules of :mod:`slimse_mcu.commands`, imported when they are asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All of them, sorted."""
        names = (module.name for module in pkgutil.iter_modules(commands.__path__))
        return sorted(name for name in names if self.get_command(ctx, name) is not None)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """One by name, or None."""
        if not any(module.name == cmd_name for module in pkgutil.iter_modules(commands.__path__)):
            return None
        found = getattr(import_module(f"{commands.__name__}.{cmd_name}"), "command", None)
        return found if isinstance(found, click.Command) else None


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": _WIDTH})
@click.version_option(VERSION, "--version", prog_name="slimse", message="%(prog)s %(version)s")
def slimse() -> None:
    """Compile speech-enhancement networks that decide per frame how much of themselves to run
    to C for microcontrollers, and prove on a board what the gates save.

    \b
    A first look, no hardware needed:
      slimse zoo
      slimse compile zoo:convfsenet-dyncp25 --out enhancer
      slimse measure zoo:convfsenet-dyncp25 --audio noisy.wav --out result
    """


if __name__ == "__main__":
    main()
