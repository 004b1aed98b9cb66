"""Tokens and costs."""

from redraft.llm.usage import Amount, Prices, Usage


def test_usage_adds_up_and_costs_what_its_tokens_cost() -> None:
    used = Usage(100, 20, 40, 5) + Usage(1, 2, 0, 1)
    assert used == Usage(101, 22, 40, 6)
    assert used.tokens == 123, "cached and reasoning tokens are parts of the others"
    assert Prices(2.0, 10.0, 0.5).cost(used) == 61 * 2 + 40 * 0.5 + 22 * 10
    assert Prices(2.0, 10.0).cost(used) == 101 * 2 + 22 * 10
    assert Prices(2.0, 10.0, 0.0).cost(Usage(4, 0, 4)) == 0.0
    amount = Amount(1, 10, 0.5)
    amount.add(Amount(2, 5, 0.25))
    assert amount == Amount(3, 15, 0.75)
    amount.add(Amount(3, 15, 0.75), -1)
    assert amount == Amount()
