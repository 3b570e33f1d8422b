"""Whether what a plan names exists in it, once, and where it may be named."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from xlite.errors import did_you_mean
from xlite.models.catalogue import require_listed
from xlite.studies.plan_tables import ID_FORM, Faults, is_id
from xlite.studies.rules.kept_trials import require_fresh_seeds
from xlite.studies.study_plan import END, Ask, Experiment, Phase, Rule, ScoreName, StudyPlan

_NO_MODEL = 'has no model. Name one: [settings] model = "resnet18".'


def find_reference_faults(plan: StudyPlan, *, is_whole: bool) -> list[str]:
    """What is wrong with the ids, names, models and scores of a plan, a sentence each.

    is_whole: whether all of its settings could be read; what is missing else is no fault of it.
    """
    faults = Faults()
    findings = [_check_ids, _check_targets, _check_conditions, _check_scores]
    for finding in [*findings, _check_settings] if is_whole else findings:
        for fault in finding(plan):
            faults.add(fault)
    if not faults.found:  # of two phases with one id the chain would be a circle
        with faults.kept():
            require_fresh_seeds(plan.phases)
    for name in dict.fromkeys(one.settings.model for one in plan.experiments):
        _check_model(name, faults)
    for phase in plan.phases:
        names = phase.space["model"].values if "model" in phase.space else (phase.settings.model,)
        for name in names:
            _check_model(str(name), faults)
    return faults.found


def _check_model(name: str, faults: Faults) -> None:
    if name:
        with faults.kept():
            require_listed(name)


def _check_ids(plan: StudyPlan) -> Iterator[str]:
    groups: dict[str, Sequence[Experiment | Phase | Rule | Ask]] = {
        "[[experiment]]": plan.experiments,
        "[[phase]]": plan.phases,
        "[[rule]]": plan.rules,
        "[[ask]]": plan.asks,
    }
    seen: dict[str, str] = {}
    for kind, several in groups.items():
        for number, one in enumerate(several, start=1):
            if not one.id:
                yield f"{kind} number {number} has no id."
            elif not is_id(one.id):
                yield f"{kind} {one.id!r} is no id: use {ID_FORM}, and not {END!r}."
            elif one.id in seen:
                yield f"{kind} {one.id}: {seen[one.id]} has this id already."
            seen.setdefault(one.id, kind)


def _check_targets(plan: StudyPlan) -> Iterator[str]:
    rules = {rule.id for rule in plan.rules}
    for where, name in _list_waits(plan):
        if name in rules:
            yield f"{where}: after names a rule, {name}. Name the experiment after it in its then."
        elif name not in plan.targets:
            yield _unknown(f"{where}: after", name, plan.targets)
    for where, names in _list_begins(plan):
        for name in names:
            if name not in plan.targets and name != END:
                yield _unknown(where, name, [*plan.targets, END])
        if END in names and len(names) > 1:
            yield f"{where}: nothing begins after {END!r}: name it alone."
    experiments = {one.id for one in plan.experiments}
    winners = [
        (f"[[ask]] {ask.id}: choice {choice!r}: winner", answer.winner)
        for ask in plan.asks
        for choice, answer in ask.choices.items()
    ]
    for where, winner in [*winners, ("baseline", plan.baseline)]:
        if winner is not None and winner not in experiments:
            yield _unknown(where, winner, experiments, what="experiment")


def _list_waits(plan: StudyPlan) -> Iterator[tuple[str, str]]:
    groups: dict[str, Sequence[Experiment | Phase | Ask]] = {
        "[[experiment]]": plan.experiments,
        "[[phase]]": plan.phases,
        "[[ask]]": plan.asks,
    }
    for kind, several in groups.items():
        for one in several:
            yield from ((f"{kind} {one.id}", name) for name in one.after)


def _list_begins(plan: StudyPlan) -> Iterator[tuple[str, tuple[str, ...]]]:
    for rule in plan.rules:
        yield f"[[rule]] {rule.id}: then", rule.then
        yield f"[[rule]] {rule.id}: otherwise", rule.otherwise
    for ask in plan.asks:
        for choice, answer in ask.choices.items():
            yield f"[[ask]] {ask.id}: choice {choice!r}: then", answer.then


def _check_conditions(plan: StudyPlan) -> Iterator[str]:
    known = [one.id for one in plan.experiments] + [one.id for one in plan.phases]
    for rule in plan.rules:
        for name in rule.when.of:
            if name not in known:
                where = f"[[rule]] {rule.id}: when: {rule.when.quantifier}"
                yield _unknown(where, name, known, what="experiment or phase")


def _check_settings(plan: StudyPlan) -> Iterator[str]:
    for one in plan.experiments:
        if not one.settings.model:
            yield f"[[experiment]] {one.id} {_NO_MODEL}"
    kept: set[str] = set()
    for phase in plan.phases:
        has_model = "model" in {*phase.space, *kept} or phase.method == "confirm"
        if not phase.settings.model and not has_model:
            yield f"[[phase]] {phase.id} {_NO_MODEL}"
        if phase.keep:
            kept |= {phase.keep.setting} if phase.keep.setting else set(phase.space)
    if plan.phases and plan.phases[-1].keep:
        last = plan.phases[-1].id
        yield f"[[phase]] {last}: keep is for a phase after it, and there is none."
    seen: dict[tuple[object, ...], Experiment] = {}
    for one in plan.experiments:
        keys = [(one.settings, one.split, seed) for seed in one.seeds]
        same = next((seen[key] for key in keys if key in seen), one)
        seen |= dict.fromkeys(keys, one)
        if same is not one:
            yield f"[[experiment]] {one.id}: {same.id} has the same settings. Leave one out."


def _check_scores(plan: StudyPlan) -> Iterator[str]:
    for where, score in list_scores(plan):
        if score.part == "test":
            yield (
                f"{where}: {score} would choose by the test part, which is for one look at the "
                "end: [finally] test = true. Name a val or oof score."
            )


def list_scores(plan: StudyPlan) -> list[tuple[str, ScoreName]]:
    """Each score that something of the plan is decided by, and where it is named."""
    found = [
        (f"[[experiment]] {one.id}: success", one.success.score)
        for one in plan.experiments
        if one.success
    ]
    found += [(f"[[phase]] {one.id}: score", one.score) for one in plan.phases]
    found += [(f"[[rule]] {rule.id}: when", rule.when.score) for rule in plan.rules]
    found.append(("[finally]: score", plan.finish.score))
    return found + [("[finally]: then", score) for score in plan.finish.then]


def _unknown(
    where: str,
    name: str,
    known: Sequence[str] | set[str] | frozenset[str],
    *,
    what: str = "experiment, phase or ask",
) -> str:
    return f"{where}: there is no {what} {name!r}.{did_you_mean(name, sorted(known))}"
