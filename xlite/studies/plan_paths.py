"""The ways through a plan: what each branch begins, and whether anything is never begun."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from xlite.studies.study_plan import END, Rule, StudyPlan

_MOST_PATHS = 2000


@dataclass(frozen=True)
class PlanPath:
    """One way through a plan: what was decided, and what began."""

    taken: Mapping[str, str]
    """By the id of a rule `then` or `otherwise`, by that of an ask the choice."""
    begun: frozenset[str]


@dataclass(frozen=True)
class _Node:
    waits_for: frozenset[str]
    is_chosen: bool
    """Whether a rule or an answer has to name it."""


def list_paths(plan: StudyPlan) -> list[PlanPath]:
    """Every way through the plan, of more than 2,000 those that were found first."""
    return list(_walk(plan, _list_nodes(plan)))


def find_path_faults(plan: StudyPlan) -> list[str]:
    """Cycles, branches that are always or never taken, and what nobody reaches."""
    cycle = _find_cycle(plan)
    if cycle:
        return [f"{' waits for '.join(cycle)}: nothing of this could begin. Break the circle."]
    faults = [fault for rule in plan.rules for fault in _find_idle_branch(rule)]
    reached: set[str] = set()
    taken: set[str] = set()
    for path in list_paths(plan):
        reached |= path.begun
        taken |= set(path.taken)
    kinds = {one.id: "[[experiment]]" for one in plan.experiments}
    kinds |= {one.id: "[[phase]]" for one in plan.phases} | {one.id: "[[ask]]" for one in plan.asks}
    faults += [
        f"{kind} {name} is never begun: no way through the plan leads to it. Name it in a rule or "
        "an answer that can be reached, or mend what it waits for."
        for name, kind in kinds.items()
        if name not in reached
    ]
    faults += [
        f"[[rule]] {rule.id} never decides: nothing that it asks about is ever begun."
        for rule in plan.rules
        if rule.id not in taken
    ]
    return faults


def chosen_targets(plan: StudyPlan) -> frozenset[str]:
    """The ids that begin only where a rule or an answer names them."""
    named = [name for rule in plan.rules for name in (*rule.then, *rule.otherwise)]
    named += [name for ask in plan.asks for one in ask.choices.values() for name in one.then]
    return frozenset(named) - {END}


def list_begun(plan: StudyPlan) -> tuple[str, ...]:
    """What begins at once: nothing has to end or be decided before it."""
    nodes = _list_nodes(plan)
    return tuple(name for name, node in nodes.items() if not (node.is_chosen or node.waits_for))


def _list_nodes(plan: StudyPlan) -> dict[str, _Node]:
    chosen = chosen_targets(plan)
    waiting = [(one.id, one.after) for one in plan.experiments]
    waiting += [(one.id, one.after) for one in plan.asks]
    nodes = {name: _Node(frozenset(after), name in chosen) for name, after in waiting}
    for phase in plan.phases:
        waits = {*phase.after, *filter(None, [phase.previous])}
        nodes[phase.id] = _Node(frozenset(waits), phase.id in chosen)
    return nodes


def _walk(plan: StudyPlan, nodes: Mapping[str, _Node]) -> Iterator[PlanPath]:
    """Depth first: each open rule or question in turn, each of its outcomes."""
    todo: list[tuple[dict[str, str], frozenset[str]]] = [({}, frozenset())]
    found = 0
    while todo and found < _MOST_PATHS:
        taken, named = todo.pop()
        begun = _spread(nodes, named)
        branches = None if END in named else _next_branches(plan, taken, begun)
        if branches is None:
            found += 1
            yield PlanPath(taken, begun)
            continue
        name, outcomes = branches
        for outcome, targets in reversed(outcomes.items()):
            todo.append(({**taken, name: outcome}, named | set(targets)))


def _spread(nodes: Mapping[str, _Node], named: frozenset[str]) -> frozenset[str]:
    """What begins once these are named."""
    begun: set[str] = set()
    while True:
        more = {
            name
            for name, node in nodes.items()
            if name not in begun
            and (not node.is_chosen or name in named)
            and node.waits_for <= begun
        }
        if not more:
            return frozenset(begun)
        begun |= more


def _next_branches(
    plan: StudyPlan, taken: Mapping[str, str], begun: frozenset[str]
) -> tuple[str, dict[str, tuple[str, ...]]] | None:
    for rule in plan.rules:
        if rule.id not in taken and begun & set(rule.when.of):
            return rule.id, {"then": rule.then, "otherwise": rule.otherwise}
    for ask in plan.asks:
        if ask.id not in taken and ask.id in begun and ask.choices:
            return ask.id, {choice: answer.then for choice, answer in ask.choices.items()}
    return None


def _find_idle_branch(rule: Rule) -> Iterator[str]:
    when = rule.when
    always = {
        "above": when.low <= 0,
        "below": when.low >= 1,
        "within": when.low <= 0 and when.high >= 1,
    }[when.comparison]
    never = {"above": when.low >= 1, "below": when.low <= 0, "within": False}[when.comparison]
    if always or never:
        limits = (
            f"{when.low:g}" if when.comparison != "within" else f"{when.low:g} to {when.high:g}"
        )
        yield (
            f"[[rule]] {rule.id}: {when.comparison} {limits} {'always' if always else 'never'} "
            f"holds of a score, so that {'otherwise' if always else 'then'} is never taken. Name "
            "another threshold."
        )


def _find_cycle(plan: StudyPlan) -> list[str]:
    """The ids on a circle of waits, the first one again at its end; none where there is none."""
    waits: dict[str, set[str]] = {
        name: set(node.waits_for) for name, node in _list_nodes(plan).items()
    }
    for rule in plan.rules:
        waits[rule.id] = set(rule.when.of)
        for target in {*rule.then, *rule.otherwise} - {END}:
            waits[target].add(rule.id)
    for ask in plan.asks:
        for target in {name for one in ask.choices.values() for name in one.then} - {END}:
            waits[target].add(ask.id)
    return _find_circle(waits)


def _find_circle(waits: Mapping[str, set[str]]) -> list[str]:
    done: set[str] = set()
    for start in waits:
        trail: list[str] = []
        todo = [(start, False)]
        while todo:
            name, is_left = todo.pop()
            if is_left:
                done.add(trail.pop())
            elif name in trail:
                return [*trail[trail.index(name) :], name]
            elif name not in done:
                trail.append(name)
                todo.append((name, True))
                todo += [(other, False) for other in sorted(waits.get(name, ()))]
    return []
