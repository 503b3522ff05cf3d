"""How pytest runs the notebooks here: each in a kernel of its own (kernels.py).

With ``--lessons-once`` a lesson and its solutions share a kernel. Most of their cells are the same, with the
same outputs: those run once, in the solutions. Before each worked answer runs what the learner finds there
instead, and is held against the learner's notebook. So every output of both is compared.
"""

import os

import kernels
from nbval import kernel
from nbval.plugin import IPyNbCell

collect_ignore_glob = ["source/*", "*.py"]


kernel.KernelManager = kernels.Blocking


def pytest_addoption(parser):
    parser.addoption(
        "--lessons-once", action="store_true", help="run a lesson and its solutions in one kernel"
    )


def pytest_collection_modifyitems(config, items):
    cells = [item for item in items if isinstance(item, IPyNbCell)]
    lessons = {item.path: item.parent for item in cells}
    if len(lessons) > 2 and os.name == "posix":
        kernels.fork_them()
    if not config.option.lessons_once:
        return
    answers = {
        path: notebook for path, notebook in lessons.items() if path.parent.name == "solutions"
    }
    stubs, left_out = {}, []
    for item in cells:
        worked = answers.get(item.path.parent / "solutions" / item.path.name)
        if worked is None:
            continue
        (answer,) = [cell for cell in worked.nb.cells if cell.id == item.cell.id]
        left_out.append(item)
        if shown(answer) != shown(item.cell):
            name = f"{item.name}, the learner's"
            stub = IPyNbCell.from_parent(
                worked, name=name, cell_num=item.cell_num, cell=item.cell, options=item.options
            )
            stubs[worked.path, answer.id] = stub
    gone = set(left_out)
    kept = []
    for item in items:
        if item in gone:
            continue
        if isinstance(item, IPyNbCell) and (item.path, item.cell.id) in stubs:
            kept.append(stubs.pop((item.path, item.cell.id)))
        kept.append(item)
    assert not stubs, "an answer that no solutions have"
    config.hook.pytest_deselected(items=left_out)
    items[:] = kept


def shown(cell) -> tuple:
    """Source, tags and outputs, without what nbval leaves aside: counts, metadata, and how pictures look."""
    outputs = [
        {
            key: {kind: data for kind, data in value.items() if kind != "image/png"}
            if key == "data"
            else value
            for key, value in output.items()
            if key not in ("execution_count", "metadata")
        }
        for output in cell.outputs
    ]
    return cell.source, cell.metadata.tags, outputs
