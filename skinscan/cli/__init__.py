"""The command line: parse, call the library, print. Everything heavy loads inside the command that needs it."""

from __future__ import annotations

from typing import Any

import click

from skinscan.cli import following, guiding, keeping, measuring, serving, trying
from skinscan.cli.calling import FAILED, WRONG_USE, stop


class Commands(click.Group):
    """Turns a SkinscanError into its sentence and the exit code that it means."""

    def invoke(self, ctx: click.Context) -> Any:
        from skinscan.records import EnvironmentFault, ParameterError, RegionError, SkinscanError

        try:
            return super().invoke(ctx)
        except (ParameterError, RegionError) as error:
            stop(error, WRONG_USE)
        except (EnvironmentFault, SkinscanError) as error:
            stop(error, FAILED)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="skinscan", message="%(version)s")
def main() -> None:
    """Honest before/after skin photographs: made comparable, measured, and every change held against its error.

    Exit codes: 0 done, 1 could not measure or compare (the reason is printed), 2 wrong use.
    """


for _command in (
    measuring.assess,
    measuring.compare,
    following.course,
    guiding.guide,
    guiding.regions,
    guiding.card,
    serving.serve,
    serving.administrator,
    serving.models,
    trying.demo,
    keeping.vault,
    keeping.backup,
    keeping.restore,
    keeping.audit,
    keeping.patient,
    measuring.measures,
    measuring.profile,
    trying.phantom,
    trying.study,
):
    main.add_command(_command)
