"""What every command-line program shares: flags of its own, help, and exit codes.

Exit codes: 0 done, 1 the input or the run failed, 2 the command line is wrong.
"""

import os
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any

from absl import flags

from keras_bert_cls.errors import UserError, closest

_REQUIRED = re.compile(r"Flag (--\w+) must have a value other than None")


class Program:
    """One command-line program.

    Args:
      name: what the user types, such as "bertcls-vocab".
      description: the module's docstring; the help prints it.
      config: the dataclass that `--config FILE` gives, if the program takes one; its fields are
        set by `--config.FIELD=VALUE`.

    Attributes:
      flags: where the program defines its flags.
      config: the config, while the body runs.
    """

    def __init__(self, name: str, description: str, config: type | None = None):
        self.name = name
        self.description = description.strip()
        self.flags = flags.FlagValues()
        self.config: Any = None
        self._config_kind = config
        if config is not None:
            flags.DEFINE_string(
                "config",
                None,
                f"Python file with get_config() -> {config.__name__}. "
                "--config.train.batch_size=8 sets a field.",
                required=True,
                flag_values=self.flags,
            )
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
            return self._run_body(lambda _: print(self.help(positional), flush=True), [])
        try:
            rest = self._parse(arguments)
            if rest and positional is None:
                raise flags.Error(f"unexpected argument {rest[0]!r}: flags start with --")
        except flags.UnrecognizedFlagError as error:
            return self._usage_error(
                f"unknown flag --{error.flagname}.{self._closest(error.flagname)}"
            )
        except (flags.Error, UserError) as error:
            required = _REQUIRED.search(str(error))
            return self._usage_error(f"{required[1]} is required" if required else str(error))
        return self._run_body(body, rest)

    def _parse(self, arguments: list[str]) -> list[str]:
        """Sets the flags and the config; returns the positional arguments."""
        self.flags.unparse_flags()
        if self._config_kind is None:
            return self.flags([self.name, *arguments])[1:]
        from keras_bert_cls.cli.config_flag import load_config, override_config, split_config_file

        path, arguments = split_config_file(arguments)
        given = []
        if path is not None:
            self.config = load_config(path, self._config_kind)
            self.config, arguments = override_config(self.config, arguments)
            given = [f"--config={path}"]
        return self.flags([self.name, *given, *arguments])[1:]

    def _run_body(self, body: Callable[[list[str]], int | None], rest: list[str]) -> int:
        os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
        os.environ.setdefault("KERAS_BACKEND", "tensorflow")
        try:
            return body(rest) or 0
        except UserError as error:
            print(f"{self.name}: {error}", file=sys.stderr)
            return error.exit_code
        except KeyboardInterrupt:
            print(f"{self.name}: interrupted", file=sys.stderr)
            return 130
        except BrokenPipeError:
            # The reader of our output (`| head`) went away: point stdout at nothing, so that the
            # interpreter's flush at exit stays silent.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            return 0
        except OSError as error:  # a full disk, a folder that can't be written
            print(f"{self.name}: {error}", file=sys.stderr)
            return 1

    def help(self, positional: str | None = None) -> str:
        """Returns the help text."""
        usage = f"usage: {self.name} [flags]" + (f" [{positional}]" if positional else "")
        return f"{usage}\n\n{self.description}\n\nFlags:\n{self.flags.get_help(prefix='  ')}"

    def _closest(self, flag: str) -> str:
        return closest(flag, list(self.flags))

    def _usage_error(self, message: str) -> int:
        print(f"{self.name}: {message}\nTry '{self.name} --help'.", file=sys.stderr)
        return 2
