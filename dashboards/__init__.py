"""Pages over a session, a log or a run. Names are loaded when first asked for."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dashboards.notebook import view as view

__all__ = ["view"]


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'dashboards' has no attribute {name!r}")
    from dashboards import notebook

    return getattr(notebook, name)
