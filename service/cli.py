"""The command `spectrum`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from pydantic import ValidationError

from service.commands.arguments import FORWARDED, MODEL_BENCHES, parser
from service.settings import Settings
from service.telemetry import logs

_OVERRIDES = ("host", "port", "redis_url", "checkpoint", "device", "workers", "threads", "api_key")


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns the exit status: 0 done, 1 failed, 2 cannot start."""
    given = list(sys.argv[1:] if argv is None else argv)
    if given and given[0] in FORWARDED:
        return _forward(given[0], given[1:])
    if given[:1] == ["bench"] and given[1:2] != [] and given[1] in MODEL_BENCHES:
        return _forward("bench", given[1:])
    arguments = parser().parse_args(given)
    try:
        settings = Settings(**_given(arguments))
    except ValidationError as error:
        return _refuse(_settings_fault(error))
    from service.programs.roles import Refused  # with the web framework behind it, which `--help` needs not

    logs.configure(settings)
    try:
        status: int = arguments.run(arguments, settings)
    except Refused as error:
        return _refuse(str(error))
    except KeyboardInterrupt:
        return 130
    return status


def _refuse(message: str) -> int:
    print(f"spectrum: {message}", file=sys.stderr)
    return 2


def _forward(name: str, rest: list[str]) -> int:
    """Hand over to a program of the model, loaded only now."""
    programs = {"train": _training, "evaluate": _evaluation, "synthesize": _synthesis, "bench": _benchmark}
    try:
        program = programs[name]()
    except ModuleNotFoundError as error:
        return _refuse(f"'{name}' needs the package {error.name}: pip install 'spectrum-parsing[train]'")
    return int(program(rest) or 0)


def _training() -> Callable[[list[str]], int]:
    from model.training.cli import main

    return main


def _evaluation() -> Callable[[list[str]], int]:
    """The evaluation with its own baselines and the one that the training brings."""
    from model.evaluation.baselines.baseline import BASELINES
    from model.evaluation.cli import main
    from model.training.closed.baseline import CLOSED

    return lambda rest: main(rest, baselines={**BASELINES, "closed": CLOSED})


def _benchmark() -> Callable[[list[str]], int]:
    from model.benchmark.cli import main

    return main


def _synthesis() -> Callable[[list[str]], int]:
    from model.data.synthetic.cli import main

    return main


def _given(arguments: argparse.Namespace) -> dict[str, Any]:
    """The settings that the command line names; all else comes from the environment."""
    told = {name: getattr(arguments, name, None) for name in _OVERRIDES}
    return {name: value for name, value in told.items() if value is not None}


def _settings_fault(error: ValidationError) -> str:
    first = error.errors(include_url=False)[0]
    name = str(first["loc"][0])
    variable = name if name.isupper() else f"SPECTRUM_{name.upper()}"
    field = Settings.model_fields.get(name)
    secret = field is not None and "SecretStr" in str(field.annotation)
    given = "" if secret else f" is {first['input']!r}"
    return f"{variable}{given}: {first['msg'][0].lower()}{first['msg'][1:]}"
