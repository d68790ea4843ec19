"""Why a message cannot be read."""

from engine.errors import TapebookError


class WireError(TapebookError, ValueError):
    """A message that is not a command or no batch of records: the field's path, what is wrong with it, and the mend."""

    def __init__(self, path: str, says: str) -> None:
        super().__init__(f"{path}: {says}")
        self.path = path
