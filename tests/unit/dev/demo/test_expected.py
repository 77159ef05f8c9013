from pipeline.dev.demo.expected import count_enrolled, count_shown
from pipeline.dev.simulator import Spec, simulate
from pipeline.factors.layout import NO_TIME
from pipeline.factors.vocabulary import ConsentAction, Scope
from pipeline.topics import CONSENTS

SPEC = Spec(people=400, months=14, end_ms=1_790_000_000_000, withdrawal_rate=0.5)


def test_enrolled_are_those_whose_last_word_on_scoring_is_a_grant() -> None:
    history = simulate(SPEC)
    consents = history.events[CONSENTS]
    newest: dict[int, tuple[int, bool]] = {}
    for user, at, action, scope in zip(
        consents.user.tolist(),
        consents.occurred_at_ms.tolist(),
        consents.fields["action"].tolist(),
        consents.fields["scope"].tolist(),
        strict=True,
    ):
        if scope == Scope.SCORING:
            word = (at, action == ConsentAction.WITHDRAW)
            newest[user] = max(newest.get(user, word), word)
    expected = sum(not withdrawn for _, withdrawn in newest.values())
    assert 0 < expected < len(newest)
    assert count_enrolled(history) == expected


def test_shown_are_those_with_a_score_whose_grant_outlived_every_withdrawal() -> None:
    history = simulate(SPEC)
    events = history.events[CONSENTS]
    scored = set(history.users[::2])
    shown: set[int] = set()
    everybody: set[int] = set()
    for at in events.occurred_at_ms.argsort(kind="stable").tolist():
        user = int(events.user[at])
        action, scope = events.fields["action"][at], events.fields["scope"][at]
        expires = events.fields["expires_at"][at]
        if scope == Scope.SCORING and action == ConsentAction.WITHDRAW:
            shown.discard(user)
        elif scope == Scope.PARTNER and events.fields["partner_id"][at] == 1:
            everybody.add(user)
            shown.discard(user)
            if history.users[user] in scored and (expires == NO_TIME or expires > SPEC.end_ms):
                shown.add(user)
    assert 0 < len(shown) < len(everybody)
    assert count_shown(history, "microloan", scored, SPEC.end_ms) == len(shown)
