"""A River model as a monitor names it: found by its name, made anew for each series, saved and taken back."""

from __future__ import annotations

import base64
import importlib
import inspect
import io
import pickle
import re
from collections.abc import Mapping
from typing import Any, Final

import river
from river.base import Base, Regressor
from river.compose import Pipeline

ROOMS: Final = frozenset(
    [
        "anomaly",
        "compose",
        "ensemble",
        "feature_extraction",
        "forest",
        "linear_model",
        "neighbors",
        "neural_net",
        "optim",
        "preprocessing",
        "rules",
        "stats",
        "time_series",
        "tree",
    ]
)
"""The parts of River that a monitor may name: those that compute. None of them opens a file or a connection."""
OUTSIDE: Final = frozenset(["api", "checks", "datasets", "evaluate", "stream"])
"""The parts that no state of a model has anything of: those that open files and connections are among them."""
SEED: Final = 7
"""For a model that draws at random and was given no seed: live and replay must draw alike."""

_NAME = re.compile(r"([a-z_]+)\.(?:[a-z_]+\.)*([A-Z]\w*)")
_PLAIN: Final = frozenset(
    [
        *(("builtins", name) for name in ("set", "frozenset", "tuple", "complex", "slice", "bytearray")),
        *(("collections", name) for name in ("deque", "defaultdict", "OrderedDict", "Counter")),
        ("functools", "partial"),
        ("random", "Random"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("copyreg", "_reconstructor"),
        ("builtins", "object"),
        ("builtins", "int"),
        ("builtins", "float"),
        ("builtins", "dict"),
        ("builtins", "list"),
        ("numpy", "ndarray"),
        ("numpy", "dtype"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
    ]
)


def find(name: str) -> type[Any]:
    """The class that a dotted name such as `anomaly.GaussianScorer` means; otherwise a ValueError of one line.

    >>> find("anomaly.HalfSpaceTrees").__name__
    'HalfSpaceTrees'
    >>> find("datasets.Phishing")
    Traceback (most recent call last):
    ValueError: 'datasets.Phishing' is not a River model: write for example anomaly.GaussianScorer
    """
    named = _NAME.fullmatch(name)
    found = None
    if named is not None and named[1] in ROOMS:
        try:
            found = getattr(importlib.import_module(f"river.{name.rpartition('.')[0]}"), named[2], None)
        except ImportError:
            found = None
    if not (inspect.isclass(found) and issubclass(found, Base)) or inspect.isabstract(found):
        raise ValueError(f"{name!r} is not a River model: write for example anomaly.GaussianScorer")
    return found


def make(model: str, parameters: Mapping[str, Mapping[str, Any]]) -> Any:
    """A fresh model: one River class, or several as a pipeline, with `|` between them as River writes it.

    `parameters`: by class name as in `model`, the arguments that are not to be River's defaults. What a class does not
    take is a ValueError of one line, and so is a pipeline whose end neither scores nor predicts.

    >>> made = make("preprocessing.MinMaxScaler | anomaly.HalfSpaceTrees", {"anomaly.HalfSpaceTrees": {"n_trees": 5}})
    >>> list(made.steps), made["HalfSpaceTrees"].n_trees, made["HalfSpaceTrees"].seed
    (['MinMaxScaler', 'HalfSpaceTrees'], 5, 7)
    """
    names = [name.strip() for name in model.split("|")]
    unknown = sorted(set(parameters) - set(names))
    if unknown:
        raise ValueError(f"parameters are given for {', '.join(unknown)}, which the model does not have")
    steps = [_one(name, parameters.get(name, {})) for name in names]
    last = steps[-1]
    if not (hasattr(last, "score_one") or isinstance(last, Regressor) or hasattr(last, "forecast")):
        raise ValueError(f"{names[-1]} neither scores nor predicts a number")
    return steps[0] if len(steps) == 1 else Pipeline(*steps)


def _one(name: str, given: Mapping[str, Any]) -> Any:
    kind = find(name)
    takes = inspect.signature(kind).parameters
    arguments = dict(given)
    if "seed" in takes:
        arguments.setdefault("seed", SEED)
    try:
        return kind(**arguments)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name}: {' '.join(str(error).split())}") from error


def save(model: Any) -> dict[str, str]:
    """All state of a model as plain JSON values, with the version of River that wrote it."""
    return {"river": river.__version__, "model": base64.b64encode(pickle.dumps(model, protocol=4)).decode()}


def load(state: Mapping[str, str]) -> Any:
    """A model from `save`. A state of another River, or one that names anything but River's models, is a ValueError."""
    if state["river"] != river.__version__:
        raise ValueError(f"a state of River {state['river']}, this is {river.__version__}")
    try:
        return _Loader(io.BytesIO(base64.b64decode(state["model"]))).load()
    except (pickle.UnpicklingError, EOFError, AttributeError, ImportError, IndexError, TypeError) as error:
        raise ValueError(f"no state of a River model: {error}") from error


class _Loader(pickle.Unpickler):
    """Makes River's models, numpy's arrays and plain containers, and nothing else: a state is data, not a program."""

    def find_class(self, module: str, name: str) -> Any:
        """The class of that name, where a state may hold one."""
        if (module, name) in _PLAIN:
            return super().find_class(module, name)
        if module.startswith("river.") and module.split(".")[1] not in OUTSIDE:
            found = super().find_class(module, name)
            if inspect.isclass(found) and not issubclass(found, BaseException):
                return found
        raise pickle.UnpicklingError(f"{module}.{name} is no part of a model")
