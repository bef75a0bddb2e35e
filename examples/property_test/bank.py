"""A bank with accounts: tools with a state, such as an app has. What they touch is declared account by account."""

from __future__ import annotations

import trio

import llmcc


def toolbox() -> llmcc.Toolbox:
    """The tools of a bank that has just opened."""
    accounts = {"ann": 100, "bob": 20, "cid": 0}

    @llmcc.tool(effect="read", resource="account:{account}")
    def balance(account: str) -> int:
        """What is in an account."""
        return accounts.get(account, 0)

    @llmcc.tool(effect="write", resource=["account:{source}", "account:{target}"])
    async def transfer(source: str, target: str, amount: int) -> int:
        """Move an amount from one account to another; what is left in the first."""
        left = accounts.get(source, 0) - amount
        if amount < 0 or left < 0:
            raise llmcc.ToolError(f"{source} cannot pay {amount}")
        await trio.sleep(0.01)  # the bank thinks
        accounts[source] = left
        accounts[target] = accounts.get(target, 0) + amount
        return left

    @llmcc.tool(effect="read", resource="*")
    def total() -> int:
        """All money there is."""
        return sum(accounts.values())

    return llmcc.Toolbox(balance, transfer, total)
