"""The decorators of our compiled functions: how they become machine code."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from llvmlite.binding import Linkage
from numba import types
from numba.core import config
from numba.core.codegen import JITCodeLibrary
from numba.core.compiler import Compiler
from numba.core.typed_passes import InlineOverloads, NopythonRewrites
from numba.core.untyped_passes import InlineClosureLikes

from engine.compiler.code_cache import Cache
from engine.compiler.fast_compile import haste

_RARE: list[str] = []
"""Mangled names of the functions that are not to be inlined."""
_COLD: list[str] = []
"""Of those, the ones that are hardly ever called."""
F = TypeVar("F", bound=Callable[..., Any])
_settings: Any = config
_njit: Any = numba.njit


class _Part(JITCodeLibrary):
    """The code of an inner kernel: optimised and made into machine code only as a part of the entry kernels that call it."""

    def _optimize_functions(self, ll_module: Any) -> None:
        ll_module.data_layout = self._codegen._data_layout

    def finalize(self) -> None:
        """Nothing is linked yet: an entry kernel links all its parts once, instead of each part those that it calls."""
        self._finalize_dynamic_globals()
        self._finalized = True

    def shared(self) -> Any:
        """Its own module, as one that others may hold as well."""
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.external:
                function.linkage = Linkage.linkonce_odr
        return self._final_module

    def _get_module_for_linking(self) -> Any:
        """Its module with all that it calls: for code that is not ours, a user's strategy."""
        if self._shared_module is None:
            self._shared_module = self.shared().clone()
            for library in _gather([self]):
                if library is not self:
                    self._shared_module.link_in(_module_of(library), preserve=True)
        return self._shared_module

    def get_pointer_to_function(self, name: str) -> int:
        self._ensure_finalized()
        return 0

    @property
    def codegen(self) -> Any:
        return self

    def set_env(self, name: str, environment: Any) -> None:
        """Nothing to set: there is no machine code yet."""


def _module_of(library: Any) -> Any:
    return library.shared() if isinstance(library, _Part) else library._get_module_for_linking()


def _gather(libraries: list[Any]) -> list[Any]:
    """These libraries, and all that their parts call, once each."""
    found: dict[Any, None] = {}
    waiting = list(libraries)
    while waiting:
        library = waiting.pop()
        if library not in found:
            found[library] = None
            waiting += library._linking_libraries if isinstance(library, _Part) else ()
    return list(found)


class _Whole(JITCodeLibrary):
    """The code of an entry kernel with all its parts, which nothing else calls: the optimiser may change their signatures."""

    def finalize(self) -> None:
        for library in _gather(self._linking_libraries):
            self._final_module.link_in(_module_of(library), preserve=True)
            self._reload_init.update(library._reload_init)
        self._linking_libraries = []
        super().finalize()

    def _optimize_final_module(self) -> None:
        for function in self._final_module.functions:
            if not function.is_declaration and function.linkage == Linkage.linkonce_odr:
                function.linkage = Linkage.internal
                if any(name in function.name for name in _RARE):
                    function.add_function_attribute("noinline")
                if any(name in function.name for name in _COLD):
                    function.add_function_attribute("cold")
        passes, builder = self._codegen._module_pass_manager()  # once: Numba's first round is for reference counts, and we have none
        passes.run(self._final_module, builder)


_IDLE = {InlineClosureLikes, InlineOverloads, NopythonRewrites}
"""Passes that find nothing in a kernel (closures, array expressions): a tenth of the time to compile."""


class _PartCompiler(Compiler):
    library_class: Any = _Part

    def __init__(self, typingctx: Any, targetctx: Any, library: Any, *rest: Any) -> None:
        library = library or self.library_class(targetctx.codegen(), "kernel")
        if self.library_class is _Whole:
            library.enable_object_caching()
        super().__init__(typingctx, targetctx, library, *rest)

    def define_pipelines(self) -> list[Any]:
        (manager,) = super().define_pipelines()
        manager.passes = [entry for entry in manager.passes if entry[0] not in _IDLE]
        return [manager]


class _WholeCompiler(_PartCompiler):
    library_class = _Whole

    def compile_extra(self, func: Any) -> Any:
        with haste():
            return super().compile_extra(func)


def _plain(kind: Any) -> Any:
    """The type an argument is compiled for: literals, enum members and small integers as int64, so that one overload serves all calls."""
    kind = types.unliteral(kind)
    if isinstance(kind, types.IntEnumMember) or (isinstance(kind, types.Integer) and kind != types.uint64):
        return types.int64
    return kind


def _compiled(function: F, **options: Any) -> Any:
    made = _njit(error_model="numpy", _nrt=False, **options)(function)
    if not _settings.DISABLE_JIT:
        resolve = made.get_call_template
        made.get_call_template = lambda args, kws: resolve(tuple(map(_plain, args)), {name: _plain(kind) for name, kind in kws.items()})
    return made


def kernel(function: F) -> F:
    """Compile `function` for the kernels that call it; Python itself cannot.

    `_nrt=False`: counting references to the arrays of the state doubled the time of the hot path. A kernel therefore allocates
    nothing: arrays come in as arguments. What only Python would need is left out: that halves the time to compile.
    """
    return cast(F, _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=_PartCompiler))


def hot_kernel(function: F) -> F:
    """A kernel that always becomes part of its caller: small, and called for nearly every command."""
    return cast(F, _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=_PartCompiler, forceinline=True))


def inlined_kernel(function: F) -> F:
    """A kernel that becomes part of its caller before types are known: it may return a part of an array, as no other kernel can."""
    return cast(F, _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=_PartCompiler, inline="always"))


def rare_kernel(function: F) -> F:
    """A kernel that stays a function of its own, so that what is called often stays small."""
    _RARE.append(f"{len(function.__name__)}{function.__name__}")
    return kernel(function)


def cold_kernel(function: F) -> F:
    """A rare kernel that is hardly ever called: the branches that lead to it are laid out of the way, and pay for registers."""
    _COLD.append(f"{len(function.__name__)}{function.__name__}")
    return rare_kernel(function)


def lazy_kernel(function: F) -> F:
    """A kernel that others call by its address (`engine.compiler.lazy_kernels`): compiled when first needed, and kept on disk."""
    made = _compiled(function, no_cpython_wrapper=True, no_cfunc_wrapper=True, pipeline_class=_WholeCompiler)
    if not _settings.DISABLE_JIT:
        made._cache = Cache(function)
    return cast(F, made)


def entry_kernel(function: F) -> F:
    """A kernel that Python calls: compiled on first call, its machine code kept on disk."""
    made = _compiled(function, pipeline_class=_WholeCompiler)
    if not _settings.DISABLE_JIT:
        made._cache = Cache(function)
    return cast(F, made)
