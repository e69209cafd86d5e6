"""Three PostgreSQL nodes that copy each other, where Patroni cannot be had: the drill itself plays the operator."""

from collections.abc import Iterator
from contextlib import contextmanager

from drills.line import Tell
from tests.serving.nodes import Node, Site, address


class Replicas:
    """A leader and two standbys, of which any one has to have a commit before it is acknowledged."""

    how = "plain streaming replication, promoted by the drill"

    def __init__(self, nodes: list[Node]) -> None:
        self.leader, *self.standbys = nodes
        self.url = address(*nodes)

    async def fail_over(self) -> None:
        """The leader dies; the standby that has most takes over, the other one follows it."""
        self.leader.kill()
        got = {node.name: await node.say("SELECT pg_last_wal_receive_lsn() - '0/0'") for node in self.standbys}
        self.standbys.sort(key=lambda node: int(str(got[node.name])))
        dead, self.leader = self.leader, self.standbys.pop()
        await self.leader.promote()
        for node in self.standbys:
            await node.follow(self.leader)
        await self._demand()
        self.standbys.append(dead)

    async def whole(self) -> None:
        """The dead one comes back as a standby; return when both copy."""
        for node in self.standbys:
            if not node.processes():
                node.rejoin(self.leader)
        await self._demand()
        await self.leader.until_true("SELECT count(*) = 2 FROM pg_stat_replication WHERE sync_state = 'quorum'")

    async def _demand(self) -> None:
        await self.leader.demand(f"ANY 1 ({', '.join(node.name for node in self.standbys)})")


@contextmanager
def replicas(site: Site, tell: Tell) -> Iterator[Replicas]:
    """Three of them at work."""
    nodes = [Node(site, name, fsync=True) for name in ("n1", "n2", "n3")]
    tell("three nodes with plain streaming replication are starting")
    try:
        nodes[0].initialise()
        for node in nodes[1:]:
            node.copy(nodes[0])
        yield Replicas(nodes)
    finally:
        for node in nodes:
            node.kill()
