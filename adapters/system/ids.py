"""New ids."""

import uuid_utils


class Uuid7Source:
    """Implements `IdSource`: ids of one process sort by the time they were made, so that indexes grow at one end."""

    def new_id(self) -> str:
        return str(uuid_utils.uuid7())
