"""Runs a Lua script on the server that has a key, and answers once what it wrote is on as many disks as it has to be."""

from hashlib import sha1
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

from services.ingest.http.queue_errors import REDIS_FAILURES
from shared.redis import replica_acks
from shared.redis.cluster_nodes import Nodes


class ConfirmedScript:
    """One script. `replicas`: how many Redis replicas must have a write on disk before it is confirmed."""

    def __init__(self, script: str, nodes: Nodes, replicas: int) -> None:
        self._script = script
        # Naming the script by its hash saves Redis the hashing.
        self._sha1 = sha1(script.encode(), usedforsecurity=False).hexdigest()
        self._nodes = nodes
        self._replicas = replicas

    async def run(self, key: str, *words: Any) -> Any:
        """The script's answer. `words`: the number of keys, the keys, the arguments; all keys are on the server of `key`.

        Redis' errors, NotReplicatedError among them, if it is not certain that all of it was written.
        """
        try:
            node = await self._nodes.of(key)
            try:
                return await self._send(node, "EVALSHA", self._sha1, *words)
            except NoScriptError:
                # Redis was started anew. It knows the script from now on.
                return await self._send(node, "EVAL", self._script, *words)
        except REDIS_FAILURES:
            self._nodes.look_again()
            raise

    async def _send(self, node: Redis, *words: Any) -> Any:
        if not self._replicas:
            return await node.execute_command(*words)  # type: ignore[no-untyped-call]
        async with node.pipeline(transaction=False) as pipe:
            pipe.execute_command(*words)
            for wait in replica_acks.waits(self._replicas):
                pipe.execute_command(*wait)
            answer, *acks = await pipe.execute()
        replica_acks.check(acks, self._replicas)
        return answer
