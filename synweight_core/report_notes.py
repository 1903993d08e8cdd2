"""Last sections of a report: what was not measured, and how to repeat it."""

import shlex
from dataclasses import asdict

from synweight_core import __version__
from synweight_core.losses import LOSSES
from synweight_core.presets import settings_words
from synweight_core.projects import Project
from synweight_core.report_blocks import Points, Section, Words, counted, cut
from synweight_core.run_groups import Compared, Group, Recipe
from synweight_core.weighting import WeightSettings

FEW_TEST_ROWS = 300
FEW_SEEDS = 3
MAX_LISTED = 10  # runs that were left out
_ALWAYS = (
    "The test rows chose no weight, no setting of the training and no moment to stop it. Where several settings were "
    "run, the best was picked by them; the interval of the verdict is corrected for that.",
    "Not measured: other models than the one that was trained, texts of other origin or of later times, cost, and "
    "whether the texts are true or harmful.",
    "The map squeezes many dimensions into two: near rows are similar, but far rows may be so too.",
)
_SENTENCE_CHARS = 1_000


def limits(project: Project, compared: Compared, missing: tuple[str, ...]) -> Section:
    """What this report cannot tell."""
    said = [*missing, *_few(project, compared), *_ALWAYS]
    said += [f"Runs under another recipe are not compared: {other.words}." for other in compared.recipes[1:MAX_LISTED]]
    said += compared.left_out[:MAX_LISTED]
    rest = len(compared.left_out) - MAX_LISTED
    if rest > 0:
        said.append(f"{counted(rest, 'more run')} left out for such reasons.")
    return Section("Limits", (Points(tuple(cut(sentence, _SENTENCE_CHARS) for sentence in said)),))


def reproduction(project: Project, settings: WeightSettings, recipe: Recipe | None) -> Section:
    """Commands that give the same weights and runs."""
    commands = [f"synweight prepare {project.id}", _weigh(project, settings)]
    for group in recipe.groups if recipe else ():
        commands += _train(project, group)
    commands.append(f"synweight report {project.id} --out report.html")
    return Section(
        "How to repeat it",
        (
            Words(
                f"SynWeight Studio {__version__}; project {project.id}; content of the rows {project.data_hash[:16]}; "
                f"encoder {cut(project.encoder)}. The same files with the same choices are the same project."
            ),
            Words("\n".join(commands), "lines"),
            Words("Edits by hand are lines of the file edits.jsonl in the project's folder.", "note"),
        ),
    )


def _few(project: Project, compared: Compared) -> list[str]:
    rows = project.counts.get("test", 0)
    said = []
    if not rows:
        said.append("The project has no test rows: nothing can be proved. Add real rows that are labelled.")
    elif rows < FEW_TEST_ROWS:
        said.append(f"Only {counted(rows, 'test row')}: differences of a few points cannot be told from chance.")
    few = [group.name for recipe in compared.recipes[:1] for group in recipe.groups if len(group.seeds) < FEW_SEEDS]
    if few:
        said.append(f"Fewer than {FEW_SEEDS} seeds of: {', '.join(few)}. Another seed may turn a small difference.")
    return said


def _weigh(project: Project, settings: WeightSettings) -> str:
    told = " ".join(f"--{name.replace('_', '-')} {_typed(value)}" for name, value in asdict(settings).items())
    return f"synweight weigh {project.id} {told}"


def _train(project: Project, group: Group) -> list[str]:
    """With the settings of the project first, where the loss reads them."""
    config = group.config
    told = {
        "--loss": config.loss, "--train-on": config.train_on, "--epochs": config.epochs,
        "--batch-size": config.batch_size, "--learning-rate": config.learning_rate,
        "--backbone": shlex.quote(config.backbone),
    }  # fmt: skip
    options = " ".join(f"{name} {value}" for name, value in told.items())
    words = "" if group.is_real else f": {settings_words(config.weight_settings)}"
    edits = f", with {counted(config.edits, 'line')} of edits" if config.edits else ""
    lines = [f"# {cut(group.name)}{words}{edits}"]
    if LOSSES[config.loss].alpha is None:
        lines.append(_weigh(project, config.weight_settings))
    return lines + [f"synweight train {project.id} {options} {seeds}" for seeds in _seeds(group.seeds)]


def _seeds(seeds: tuple[int, ...]) -> list[str]:
    """As options: one command for a row of seeds, else one a seed."""
    first, count = seeds[0], len(seeds)
    if seeds == tuple(range(first, first + count)):
        return [f"--seed {first} --seeds {count}"]
    return [f"--seed {seed}" for seed in seeds]


def _typed(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:g}"
