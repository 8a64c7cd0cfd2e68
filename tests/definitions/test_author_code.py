"""The Python beside documents: what it may import from beside it, and how what is wrong with it is told."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from definitions.author_code import load_code
from engine.errors import DefinitionError, Problem


def a_folder(folder: Path, files: Mapping[str, str]) -> Path:
    """Return a folder with these files in it."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder


def wrong(folder: Path, files: Mapping[str, str]) -> tuple[str, tuple[Problem, ...]]:
    """Return where and why a screens.py cannot be loaded; the place is one in the folder."""
    with pytest.raises(DefinitionError) as refused:
        load_code(a_folder(folder, files) / "screens.py")
    return refused.value.name.removeprefix(f"{folder}/"), refused.value.problems


@pytest.mark.parametrize(
    "code",
    [
        "from .prices import PRICES",
        "from . import prices\n\nPRICES = prices.PRICES",
        "from .shop.prices import PRICES",
        "from .shop import PRICES",
        "from pathlib import Path\n\nPRICES = int((Path(__file__).parent / 'prices.txt').read_text())",
    ],
)
def test_what_stands_in_the_same_folder_can_be_used(tmp_path: Path, code: str) -> None:
    files = {
        "prices.py": "PRICES = 5",
        "prices.txt": "5",
        "shop/__init__.py": "from .prices import PRICES",
        "shop/prices.py": "from ..prices import PRICES",
        "screens.py": code,
    }

    assert load_code(a_folder(tmp_path, files) / "screens.py").PRICES == 5


@pytest.mark.parametrize(("one", "other"), [("booking", "visit"), ("a", "a.prices"), ("a.b", "a%2Eb"), ("x", "x/y")])
def test_modules_of_one_name_in_two_folders_do_not_mix(tmp_path: Path, one: str, other: str) -> None:
    code = "from .prices import PRICES\n\n\ndef now():\n    from . import prices\n\n    return prices.PRICES\n"

    loaded = [
        load_code(a_folder(tmp_path / name, {"screens.py": code, "prices.py": f"PRICES = {name!r}"}) / "screens.py")
        for name in (one, other)
    ]

    assert [each.PRICES for each in loaded] == [one, other]
    assert [each.now() for each in loaded] == [one, other]


def test_a_file_that_is_loaded_again_is_read_again_with_what_it_imports(tmp_path: Path) -> None:
    code = "from .prices import PRICES"
    first = load_code(a_folder(tmp_path, {"screens.py": code, "prices.py": "PRICES = 5"}) / "screens.py")

    again = load_code(a_folder(tmp_path, {"screens.py": code, "prices.py": "PRICES = 5 + 5"}) / "screens.py")

    assert (first.PRICES, again.PRICES) == (5, 10)


def test_two_modules_may_need_each_other_once_the_name_is_there(tmp_path: Path) -> None:
    files = {
        "screens.py": "NAMES = ['a']\nfrom .prices import PRICES",
        "prices.py": "from .screens import NAMES\nPRICES = dict.fromkeys(NAMES, 5)",
    }

    assert load_code(a_folder(tmp_path, files) / "screens.py").PRICES == {"a": 5}


@pytest.mark.parametrize(
    ("code", "place", "message"),
    [
        pytest.param(
            "\nfrom prices import PRICES",
            "screens.py:2",
            "ModuleNotFoundError: No module named 'prices'; "
            "it stands in the same folder, so write `from .prices import …`",
            id="a module beside, as if it were installed",
        ),
        pytest.param(
            "import shop.tea",
            "screens.py:1",
            "ModuleNotFoundError: No module named 'shop'; it stands in the same folder, so write `from .shop import …`",
            id="a package beside, as if it were installed",
        ),
        pytest.param(
            "open('prices.txt')",
            "screens.py:1",
            "FileNotFoundError: [Errno 2] No such file or directory: 'prices.txt'; "
            "it stands in the same folder, so open `Path(__file__).parent / 'prices.txt'`",
            id="a file beside, as if it were in the working directory",
        ),
        pytest.param(
            "import no_such_module",
            "screens.py:1",
            "ModuleNotFoundError: No module named 'no_such_module'",
            id="a module that is nowhere",
        ),
        pytest.param(
            "from .broken import PRICES", "broken.py:3", "ZeroDivisionError: division by zero", id="an error beside"
        ),
        pytest.param("x = (\n", "screens.py:1:5", "SyntaxError: '(' was never closed", id="no Python"),
        pytest.param("from .no_python import x", "no_python.py:2:3", "SyntaxError: invalid syntax", id="none beside"),
        pytest.param("raise SystemExit(3)", "screens.py:1", "SystemExit: 3", id="an end"),
        pytest.param("raise ValueError('one\\ntwo')", "screens.py:1", "ValueError: one", id="an error of two lines"),
        pytest.param(
            "\nimport json\njson.loads('')",
            "screens.py:3",
            "JSONDecodeError: Expecting value: line 1 column 1 (char 0)",
            id="an error in what it calls",
        ),
        pytest.param(
            "from definitions.screens import Screens\nlater: 'int'\n"
            "@Screens().submit('A')\ndef a(session, form: 'Later'): ...",
            "screens.py:3",
            "NameError: name 'Later' is not defined",
            id="an annotation that is nothing",
        ),
        pytest.param("PRICES = '\0'", "screens.py", "source code", id="no text"),
    ],
)
def test_what_cannot_be_loaded_is_told_with_its_authors_line(
    tmp_path: Path, code: str, place: str, message: str
) -> None:
    files = {
        "prices.py": "PRICES = 5",
        "prices.txt": "5",
        "shop/tea.py": "",
        "broken.py": "\n\nPRICES = 1 / 0",
        "no_python.py": "\nx y\n",
        "screens.py": code,
    }

    told, [problem] = wrong(tmp_path, files)

    assert told.startswith(place)
    assert problem == Problem("", "INVALID_CODE", problem.message)
    assert message in problem.message


def test_a_module_above_its_folder_is_out_of_reach(tmp_path: Path) -> None:
    (tmp_path / "flows/booking").mkdir(parents=True)

    place, [problem] = wrong(tmp_path / "flows/booking", {"screens.py": "from ..shared import PRICES"})

    assert (place, problem.message) == (
        "screens.py:1",
        "ImportError: attempted relative import beyond top-level package",
    )
