"""What every command-line program shares: flags of its own, help, and exit codes.

Exit codes: 0 done, 1 the input or the run failed, 2 the command line is wrong.
"""

import os
import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

from absl import flags

from keras_bert_cls.errors import UserError, closest

_Config = TypeVar("_Config")


class Program:
    """One command-line program.

    Args:
      name: what the user types, such as "bertcls-vocab".
      description: the module's docstring; the help prints it.
    """

    def __init__(self, name: str, description: str):
        self.name = name
        self.description = description.strip()
        self.flags = flags.FlagValues()
        flags.DEFINE_bool("help", False, "Show this help.", short_name="h", flag_values=self.flags)

    def run(
        self,
        body: Callable[[list[str]], int | None],
        argv: Sequence[str] | None = None,
        positional: str | None = None,
    ) -> int:
        """Parses flags, calls `body(positional_arguments)`, and returns the exit code.

        Args:
          body: the program proper; returns an exit code or None for 0.
          argv: the arguments without the program's name; `sys.argv[1:]` by default.
          positional: what the positional arguments mean; None refuses them.
        """
        arguments = list(sys.argv[1:] if argv is None else argv)
        if {"--help", "-h", "-help"} & set(arguments):
            print(self.help(positional))
            return 0
        try:
            rest = self.flags([self.name, *arguments])[1:]
            if rest and positional is None:
                raise flags.Error(f"unexpected argument {rest[0]!r}: flags start with --")
        except flags.UnrecognizedFlagError as error:
            return self._usage_error(
                f"unknown flag --{error.flagname}.{self._closest(error.flagname)}"
            )
        except (flags.Error, AttributeError, KeyError, TypeError) as error:
            return self._usage_error(str(error).strip("\"'"))
        except UserError as error:
            return self._usage_error(str(error))
        return self._run_body(body, rest)

    def _run_body(self, body: Callable[[list[str]], int | None], rest: list[str]) -> int:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        try:
            return body(rest) or 0
        except UserError as error:
            print(f"{self.name}: {error}", file=sys.stderr)
            return 1
        except KeyboardInterrupt:
            print(f"{self.name}: interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:
            # The reader of our output (`| head`) went away: point stdout at nothing, so that the
            # interpreter's flush at exit stays silent.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0

    def config(self, value: object, kind: type[_Config]) -> _Config:
        """Checks that a config file gave the right kind of config.

        Raises:
          UserError: it gave another one.
        """
        # A config file is run as a module of its own, but the class that it imports is ours.
        if not isinstance(value, kind):
            raise UserError(
                f"--config: expected get_config() to return a {kind.__name__}, "
                f"got a {type(value).__name__}"
            )
        return value

    def help(self, positional: str | None = None) -> str:
        """Returns the help text."""
        usage = f"usage: {self.name} [flags]" + (f" [{positional}]" if positional else "")
        return f"{usage}\n\n{self.description}\n\nFlags:\n{self.flags.get_help(prefix='  ')}"

    def _closest(self, flag: str) -> str:
        return closest(flag, list(self.flags))

    def _usage_error(self, message: str) -> int:
        print(f"{self.name}: {message}\nTry '{self.name} --help'.", file=sys.stderr)
        return 2
