"""
Imports the Python that stands beside documents: `screens.py`, `bindings.py`, and what these import from beside them.

Rule 1: a folder is a package of its own, by a name that no other has: modules of one name in two folders never mix.
        A module beside is imported as `from .prices import PRICES`; any other way is refused in words.
Rule 2: a file that is loaded again is read again, and so is all that it imports from beside it.
Rule 3: whatever importing it raises is told with the file and line of its author's that it came from.
"""

import importlib
import importlib.util
import sys
from importlib.machinery import ModuleSpec
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from engine.errors import DefinitionError, Problem

UNLOADABLE = "INVALID_CODE"
"""The code of the problem that a file cannot be imported."""


def load_code(path: Path) -> ModuleType:
    """
    Return the Python file at *path*, imported.

    Raises:
        DefinitionError: it cannot be.
    """
    folder = path.absolute().parent
    package = _package(folder)
    try:
        return importlib.import_module(f"{package}.{path.stem}")
    except DefinitionError:
        raise  # a binding in it was refused, and says why
    except (Exception, SystemExit) as error:
        problem = Problem("", UNLOADABLE, f"{_said(error)}{_advice(error, folder)}")
        raise DefinitionError(_raised_at(error, path), (problem,)) from error


def _package(folder: Path) -> str:
    """Return the name of the package that *folder* is, with nothing imported from it yet."""
    name = f"waystate:{str(folder).replace('%', '%25').replace('.', '%2E')}"  # a dot would part it
    for known in [known for known in sys.modules if known == name or known.startswith(f"{name}.")]:
        del sys.modules[known]
    importlib.invalidate_caches()
    spec = ModuleSpec(name, None, is_package=True)
    spec.submodule_search_locations = [str(folder)]
    sys.modules[name] = importlib.util.module_from_spec(spec)
    return name


def _said(error: BaseException) -> str:
    """Return the kind of an error and the first line of what it says."""
    said = error.msg if isinstance(error, SyntaxError) else str(error)
    return f"{type(error).__name__}: {said}".partition("\n")[0]


def _advice(error: BaseException, folder: Path) -> str:
    """Return what to write instead, where something was looked for elsewhere that stands in *folder*."""
    if isinstance(error, ModuleNotFoundError) and error.name:
        name = error.name.partition(".")[0]
        if (folder / f"{name}.py").exists() or (folder / name).is_dir():
            return f"; it stands in the same folder, so write `from .{error.name} import …`"
    if isinstance(error, FileNotFoundError) and isinstance(error.filename, str) and (folder / error.filename).exists():
        return f"; it stands in the same folder, so open `Path(__file__).parent / {error.filename!r}`"
    return ""


def _raised_at(error: BaseException, path: Path) -> str:
    """Return the file and line of its author's that *error* came from; for code that is no Python, where it is not."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}:{error.offset}"
    folder = path.absolute().parent
    frames = [each for each in extract_tb(error.__traceback__) if Path(each.filename).is_relative_to(folder)]
    return f"{frames[-1].filename}:{frames[-1].lineno}" if frames else str(path)
