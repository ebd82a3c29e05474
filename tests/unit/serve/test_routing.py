"""Which arm answers which row."""

from hypothesis import given
from hypothesis import strategies as st

from homeostat.core.clock import Micros
from homeostat.core.digests import digest_bytes
from homeostat.serve.records import Arm, Deployment
from homeostat.serve.routing import Routing

weights = st.floats(0.0, 1.0)
entities = st.text(max_size=20)


def routing(weight: float, *, generation: int = 1, challenger: int = 2) -> Routing:
    model = digest_bytes(b"model")
    return Routing.of(
        Deployment(
            system="late-flights",
            generation=generation,
            arms=(
                Arm(role="champion", version=1, model=model, weight=1 - weight),
                Arm(role="challenger", version=challenger, model=model, weight=weight),
            ),
            mirrored=False,
            entity="",
            at=Micros(0),
            by="test",
        )
    )


@given(entities, weights)
def test_the_split_is_sticky(entity: str, weight: float) -> None:
    """The same entity reaches the same arm in every generation with the same weights."""
    assert routing(weight, generation=1).arm_of(entity) == routing(weight, generation=9).arm_of(entity)


@given(entities, weights, weights)
def test_a_growing_challenger_never_gives_an_entity_back(entity: str, one: float, other: float) -> None:
    """Whoever the challenger answers at a weight, it also answers at every larger one."""
    less, more = sorted((one, other))
    if routing(less).arm_of(entity).role == "challenger":
        assert "challenger" == routing(more).arm_of(entity).role


@given(entities)
def test_all_and_nothing(entity: str) -> None:
    """A weight of 0 answers nobody and a weight of 1 everybody."""
    assert ("champion", "challenger") == (routing(0.0).arm_of(entity).role, routing(1.0).arm_of(entity).role)


def test_shares_follow_the_weights() -> None:
    """Over many entities the challenger's share is its weight, within four standard errors."""
    split = routing(0.25)
    answered = sum(split.arm_of(f"flight-{n}").role == "challenger" for n in range(4000))

    assert abs(answered / 4000 - 0.25) < 4 * (0.25 * 0.75 / 4000) ** 0.5


def test_another_challenger_is_tried_on_other_entities() -> None:
    """The entities of one trial are independent of those of the next."""
    first, second = routing(0.5, challenger=2), routing(0.5, challenger=3)
    both = sum(first.arm_of(str(n)).role == second.arm_of(str(n)).role for n in range(4000))

    assert abs(both / 4000 - 0.5) < 4 * (0.25 / 4000) ** 0.5
