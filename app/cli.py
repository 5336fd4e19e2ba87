"""The command `turnlog`.

To add a command: write `app/console/<name>.py` with one click command, and add its line to COMMANDS. Keep the top of
that file to click and the standard library, and import what the command needs when it runs: `turnlog --help` reads
every one of these files and must stay fast (a test checks it).
"""

import click

from app.console.archive import archive
from app.console.bench import bench
from app.console.check import check
from app.console.demo import demo
from app.console.docs import docs
from app.console.epoch import epoch
from app.console.export import export
from app.console.import_ import import_
from app.console.projections import projections
from app.console.rebuild import rebuild
from app.console.replay import replay
from app.console.serve import serve
from app.console.settings import settings
from app.console.show import show
from app.console.test import test
from app.console.verify import verify
from app.console.watch import watch

COMMANDS: list[click.Command] = [
    demo,
    serve,
    replay,
    watch,
    show,
    projections,
    rebuild,
    verify,
    archive,
    epoch,
    test,
    check,
    settings,
    export,
    import_,
    docs,
    bench,
]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="turnlog")
def main() -> None:
    """Turnlog: the durable, replayable state of every live conversation.

    `turnlog COMMAND --help` explains a command with an example. In a checkout, `./run COMMAND` is the same and makes
    the environment first.
    """


for command in COMMANDS:
    main.add_command(command)
