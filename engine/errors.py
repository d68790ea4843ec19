"""The root of all our errors."""


class TapebookError(Exception):
    """What went wrong, in one line that says where and how to mend it. Every error of ours is one."""
