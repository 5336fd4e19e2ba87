"""The Postgres that comes with the package: found, set up, started and stopped with the service.

Linux only: who owns a process is read from `/proc`, and the server is bound to its owner by `PR_SET_PDEATHSIG`.
"""

from adapters.embedded.data_folder import default_data_dir
from adapters.embedded.errors import EmbeddedPostgresError
from adapters.embedded.postgres import EmbeddedPostgres
from adapters.embedded.running import dsn_of_running

__all__ = ["EmbeddedPostgres", "EmbeddedPostgresError", "default_data_dir", "dsn_of_running"]
