"""The tests of significance that drills rest on say what the textbooks say."""

import random
import statistics
from collections import Counter

import pytest
from drills.oracle import compare, mann_whitney
from drills.randomness import chi_square_p, looks, poisson_p, upper_tail


@pytest.mark.parametrize(
    ("freedom", "bound", "p"),
    [
        (1, 3.841, 0.05), (2, 5.991, 0.05), (3, 11.345, 0.01), (9, 16.919, 0.05), (9, 27.877, 0.001),
        (30, 59.703, 0.001), (99, 148.230, 0.001), (9, 0.0, 1.0), (960, 960.0, 0.494), (99, 5000.0, 0.0),
    ],
)  # fmt: skip
def test_chi_square_is_that_of_the_tables(freedom: int, bound: float, p: float) -> None:
    assert upper_tail(freedom, bound) == pytest.approx(p, rel=0.01, abs=1e-12)


def test_an_outcome_that_never_comes_is_noticed() -> None:
    assert chi_square_p(Counter("0123456789" * 100), 10) == pytest.approx(1)
    assert chi_square_p(Counter("012345678" * 100), 10) < 1e-10


def test_twins_beyond_chance_are_noticed() -> None:
    assert poisson_p(5, 0) == 1
    assert poisson_p(5, 5) == pytest.approx(0.5595, rel=0.001)
    assert poisson_p(5, 20) < 0.001


def test_the_rank_test_is_that_of_the_textbooks() -> None:
    # Ages at which diabetes was diagnosed, two groups: U = 3; normal, with continuity: p = 0.1113.
    assert mann_whitney([19, 22, 16, 29, 24], [20, 11, 17, 12]) == pytest.approx(0.1113, abs=0.0001)
    assert mann_whitney([1, 2, 3], [1, 2, 3]) == pytest.approx(1)
    assert mann_whitney([7.0] * 5, [7.0] * 5) == 1
    assert mann_whitney(range(100), range(50, 150)) < 1e-6


def test_the_same_thing_looks_different_as_rarely_as_it_should() -> None:
    chance = random.Random(6)
    rare = sum(
        mann_whitney([chance.expovariate(1) for _ in range(60)], [chance.expovariate(1) for _ in range(60)]) < 0.05
        for _ in range(600)
    )
    assert 15 <= rare <= 45


def test_a_small_difference_is_noticed_in_as_many_pairs_as_the_drill_asks_for() -> None:
    """A fifth of the spread, of answers that take as long as answers do."""
    chance = random.Random(7)

    def answers(more: float) -> list[float]:
        return [0.005 + more + chance.lognormvariate(-8, 0.5) for _ in range(2000)]

    spread = statistics.stdev(answers(0))
    assert compare(answers(0), answers(0)).held
    assert not compare(answers(0), answers(spread / 5)).held


def test_an_order_is_noticed() -> None:
    chance = random.Random(8)
    made = [f"{chance.randrange(10**6):06}" for _ in range(20_000)]
    assert min(looks(made, 10, range(6)).values()) > 0.001
    assert looks(sorted(made), 10, range(6))["rising"] < 0.001
    assert looks(sorted(made), 10, range(6))["correlation with the one before"] < 0.001
    assert looks([one[:5] + one[0] for one in made], 10, range(6))["positions 5 and 6"] > 0.001
    assert looks([one[:5] + one[4] for one in made], 10, range(6))["positions 5 and 6"] < 0.001
