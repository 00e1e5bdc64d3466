"""What is under way for each sign-in, so that nothing of it goes on when the sign-in has ended."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import anyio

_LOOKED_AT_EVERY_S = 5.0

MOST = 100
"""Requests of one user under way. An open page holds two or three; all connections of the server are `serving`'s 500,
and one user with all of them would keep everybody else out."""


class TooMany(Exception):
    """A user has as much under way as one may."""


class Running:
    """Requests under way. `holds` tells whether a sign-in still does, `forget` is called for one that ended."""

    def __init__(self, holds: Callable[[str], Awaitable[bool]], forget: Callable[[str], Awaitable[None]]) -> None:
        self._holds, self._forget = holds, forget
        self._scopes: dict[str, dict[anyio.CancelScope, asyncio.Task[Any] | None]] = {}
        self._known: set[str] = set()
        self._of_user: Counter[str] = Counter()
        self._watch: asyncio.Task[None] | None = None

    async def run(self, sign_in: str, user_id: str, work: Callable[[], Awaitable[None]]) -> bool:
        """Do the work of a request; whether it was done, and not stopped as its sign-in ended. Raises TooMany."""
        if self._of_user[user_id] >= MOST:
            raise TooMany
        self._of_user[user_id] += 1
        try:
            return await self._run(sign_in, work)
        finally:
            self._of_user[user_id] -= 1
            if not self._of_user[user_id]:
                del self._of_user[user_id]

    async def _run(self, sign_in: str, work: Callable[[], Awaitable[None]]) -> bool:
        self._known.add(sign_in)
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._look())
        with anyio.CancelScope() as scope:
            self._scopes.setdefault(sign_in, {})[scope] = asyncio.current_task()
            try:
                await work()
            finally:
                del self._scopes[sign_in][scope]
                if not self._scopes[sign_in]:
                    del self._scopes[sign_in]
        return not scope.cancelled_caught

    async def end(self, sign_in: str) -> None:
        """Stop what is under way for a sign-in, but the request that asks for this, and forget what is known of it."""
        asking = asyncio.current_task()
        for scope, task in list(self._scopes.get(sign_in, {}).items()):
            if task is not asking:
                scope.cancel()
        self._known.discard(sign_in)
        await self._forget(sign_in)

    def close(self) -> None:
        """Look no more."""
        if self._watch is not None:
            self._watch.cancel()

    async def _look(self) -> None:
        """A sign-in ends by itself too: it expires, or an administrator closes the account."""
        while self._known:
            await asyncio.sleep(_LOOKED_AT_EVERY_S)
            for sign_in in list(self._known):
                try:
                    if not await self._holds(sign_in):
                        await self.end(sign_in)
                except Exception as error:  # the database may be busy: what it says is asked again
                    logging.getLogger(__name__).error("a sign-in could not be looked at", exc_info=error)
