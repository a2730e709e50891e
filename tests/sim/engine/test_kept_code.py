"""Compiled code is kept under a name that changes with every file that it is made of."""

from pathlib import Path

import pytest

from sim.engine.compiled import kernel


def test_a_change_in_any_part_is_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted fault seen: with the function's own file alone in the name, the change in a part goes unnoticed."""
    home = tmp_path / "sim" / "engine" / "compiled"
    home.mkdir(parents=True)
    for part in ("loop.py", "pieces.py", *kernel.PARTS):
        (home / part).write_text("A = 1\n", encoding="utf-8")
    monkeypatch.setattr(kernel, "HERE", home)
    names = {kernel.kept_in().name}
    for part in ("pieces.py", *kernel.PARTS):
        (home / part).write_text("A = 2\n", encoding="utf-8")
        names.add(kernel.kept_in().name)
    assert len(names) == 2 + len(kernel.PARTS)


def test_the_parts_are_there() -> None:
    assert all((kernel.HERE / part).is_file() for part in kernel.PARTS)
    assert Path(kernel.KEPT_IN).name == kernel.kept_in().name
