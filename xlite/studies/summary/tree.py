"""The tree of a study: everything that its plan may do, in the order in which it may, and what
became of each.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from xlite.results.study import NodeKind, NodeState, Search, StudyExperiment, StudyScore, TreeNode
from xlite.studies.study_plan import END, Ask, Condition, Experiment, Phase, Rule, StudyPlan
from xlite.studies.study_state import StudyState
from xlite.studies.summary.branches import (
    Branch,
    branches_of_question,
    branches_of_rule,
    is_over,
    list_branches,
)

_Planned = Experiment | Phase | Rule | Ask


def draw_tree(
    plan: StudyPlan,
    state: StudyState,
    experiments: Sequence[StudyExperiment],
    searches: Sequence[Search],
    *,
    not_taken: Collection[str],
    open_questions: Collection[str],
) -> list[TreeNode]:
    """The lines of the tree, each below what it hangs on.

    What begins without a condition comes first, at depth 0; a rule or a question stands below the
    last of what it asks about, and what it begins one deeper. Each has one line: what a second
    branch may begin, too, is where the first one is.
    """
    texts: Mapping[str, tuple[NodeState, str]] = {
        **{one.id: (one.state, describe_result(one)) for one in experiments},
        **{one.id: (one.state, describe_search(one)) for one in searches},
        **{
            rule.id: (_state_of_rule(rule, state), _outcome_of_rule(rule, state))
            for rule in plan.rules
        },
        **{
            ask.id: (
                _state_of_question(ask, state, not_taken, open_questions),
                _outcome_of_question(ask, state),
            )
            for ask in plan.asks
        },
    }
    return _Tree(plan, state, texts).grow()


class _Tree:
    """The lines so far, and the depth of each id among them."""

    def __init__(
        self, plan: StudyPlan, state: StudyState, texts: Mapping[str, tuple[NodeState, str]]
    ) -> None:
        self._plan, self._state, self._texts = plan, state, texts
        self._all: list[_Planned] = [*plan.experiments, *plan.phases, *plan.rules, *plan.asks]
        targets = {t for branch in list_branches(plan, state) for t in branch.targets}
        self._free = [one for one in self._all if one.id not in targets]
        self._by_id = {one.id: one for one in self._all}
        self._depths: dict[str, int] = {}
        self._lines: list[TreeNode] = []

    def grow(self) -> list[TreeNode]:
        self._place([one for one in self._free if not _waits_on(one)], 0, "")
        # A circle has no beginning: `check` refuses it, and here its parts stand at the end.
        self._place([one for one in self._all if one.id not in self._depths], 0, "")
        return self._lines

    def _place(self, ones: Iterable[_Planned], depth: int, branch: str) -> None:
        """Lines for the ones that have none yet, and then for what waits on them."""
        for one in ones:
            if one.id not in self._depths:
                self._depths[one.id] = depth
                self._lines.append(self._describe(one, depth, branch))
                if isinstance(one, Rule):
                    self._place_branches(branches_of_rule(one, self._state), depth)
                elif isinstance(one, Ask):
                    self._place_branches(branches_of_question(one, self._state), depth)
        while (following := self._find_following()) is not None:
            self._place([following], max(self._depths[name] for name in _waits_on(following)), "")

    def _place_branches(self, branches: Iterable[Branch], depth: int) -> None:
        for branch in branches:
            if END in branch.targets:
                self._lines.append(
                    TreeNode(
                        depth=depth + 1,
                        kind="end",
                        id=END,
                        title="the study ends",
                        branch=branch.outcome,
                        state=self._state_of_end(branch),
                    )
                )
            targets = [self._by_id[name] for name in branch.targets if name in self._by_id]
            self._place(targets, depth + 1, branch.outcome)

    def _state_of_end(self, branch: Branch) -> NodeState:
        if branch.is_taken is None and not is_over(self._state):
            return "waiting"
        return "decided" if branch.is_taken else "not taken"

    def _find_following(self) -> _Planned | None:
        """The next of those without a line that wait on nothing but what has one."""
        for one in self._free:
            waits_on = _waits_on(one)
            if one.id not in self._depths and waits_on and self._depths.keys() >= set(waits_on):
                return one
        return None

    def _describe(self, one: _Planned, depth: int, branch: str) -> TreeNode:
        (kind, title), (state, outcome) = _name(one), self._texts[one.id]
        return TreeNode(
            depth=depth,
            kind=kind,
            id=one.id,
            title=title,
            branch=branch,
            state=state,
            outcome=outcome,
        )


def _name(one: _Planned) -> tuple[NodeKind, str]:
    """Of what kind it is, and what it is called."""
    match one:
        case Experiment():
            return "experiment", one.title
        case Phase():
            return "phase", _describe_phase(one)
        case Rule():
            return "rule", describe_condition(one.when)
        case Ask():
            return "question", one.question


def _describe_phase(phase: Phase) -> str:
    if phase.method == "confirm":
        return f"fresh seeds {', '.join(map(str, phase.seeds))}"
    return f"{phase.method}, {phase.runs} runs" if phase.runs else phase.method


def _waits_on(one: _Planned) -> tuple[str, ...]:
    if isinstance(one, Rule):
        return one.when.of
    previous = (one.previous,) if isinstance(one, Phase) and one.previous else ()
    return (*one.after, *previous)


def describe_condition(when: Condition) -> str:
    """The question of a rule in words.

    >>> from xlite.studies.study_plan import ScoreName
    >>> score = ScoreName("val", "auroc")
    >>> describe_condition(
    ...     Condition(quantifier="any", of=("1", "2"), score=score, comparison="above", low=0.9)
    ... )
    'any of 1, 2 above 0.9 in val.auroc'
    """
    limits = f"{when.low:g}" + (f" to {when.high:g}" if when.comparison == "within" else "")
    of = f"{when.quantifier} of {', '.join(when.of)}" if len(when.of) > 1 else when.of[0]
    on = "" if when.on == "point" else ", by the lower bound"
    return f"{of} {when.comparison} {limits} in {when.score}{on}"


def describe_result(one: StudyExperiment) -> str:
    """What an experiment has reached, in words; nothing where it has no score."""
    parts = [describe_score(one.score, one.result)] if one.result.point is not None else []
    if one.reached is not None:
        parts.append("below its minimum" if one.reached == "none" else f"reached its {one.reached}")
    if one.is_as_expected is not None and one.expected is not None:
        low, high = one.expected
        parts.append(f"{'as' if one.is_as_expected else 'not as'} expected ({low:g} to {high:g})")
    if one.ending:
        parts.append(one.ending)
    if one.failures:
        parts.append(f"{len(one.failures)} of {len(one.failures) + len(one.runs)} runs failed")
    return "; ".join(parts)


def describe_score(name: str, score: StudyScore) -> str:
    """A score with its interval, where it has one.

    >>> describe_score("val.auroc", StudyScore(point=0.81234, low=0.75, high=0.86))
    'val.auroc 0.812 (0.750 to 0.860)'
    """
    if score.point is None:
        return f"{name} undefined"
    text = f"{name} {score.point:.3f}"
    has_interval = score.low is not None and score.high is not None
    return f"{text} ({score.low:.3f} to {score.high:.3f})" if has_interval else text


def describe_search(one: Search) -> str:
    """What a search has found, in words."""
    ended = [trial for trial in one.trials if trial.score is not None]
    parts = [f"{len(one.trials)} trials"] if one.trials else []
    best = next((trial for trial in ended if trial.number == one.best), None)
    if best is not None:
        parts.append(f"the best is {best.number}: {one.score} {best.score:.3f}")
    if one.optimism is not None:
        parts.append(f"about {one.optimism:.3f} too good, for being the best of so many")
        if one.corrected is not None:
            parts[-1] += f": {one.corrected:.3f} corrected"
    if one.kept:
        parts.append(f"kept: {one.kept}")
    return "; ".join(parts)


def _state_of_rule(rule: Rule, state: StudyState) -> NodeState:
    if f"rule:{rule.id}" in state.decisions:
        return "decided"
    return "not taken" if is_over(state) else "waiting"


def _outcome_of_rule(rule: Rule, state: StudyState) -> str:
    decision = state.decisions.get(f"rule:{rule.id}")
    if decision is None:
        return ""
    return f"{'holds' if decision.choice.get('holds') else 'does not hold'}: {decision.why}"


def _state_of_question(
    ask: Ask, state: StudyState, not_taken: Collection[str], open_questions: Collection[str]
) -> NodeState:
    if ask.id in state.answers:
        return "decided"
    if ask.id in open_questions:
        return "open"
    return "not taken" if ask.id in not_taken or is_over(state) else "waiting"


def _outcome_of_question(ask: Ask, state: StudyState) -> str:
    answer = state.answers.get(ask.id)
    return "" if answer is None else f"{answer.choice}, said {answer.who}: {answer.why}"
