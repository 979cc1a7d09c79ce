"""Scenarios of consumer groups whose members are other clients' processes.

Each function gets a `Group` over a topic of its own, and the clients; it raises what is wrong. What has to be true of
every group is `Group.check`, which the runner calls when the scenario is done.
"""

from ring.group import Writer
from ring.scenario import Differs, expect

# Long enough that a member which is killed can be back before it is missed.
STATIC_SESSION_MS = 30_000


def sharing(group, client):
    """Two share the partitions; the next goes on where they stopped; then one leaves, and one is killed."""
    group.write(60)
    one, two = group.join(client), group.join(client)
    group.wait_shared(one, two)
    group.wait_read()
    group.stop(one, two)
    before = group.stored()
    group.write(40)
    three = group.join(client)
    group.wait_shared(three)
    group.wait_read()
    again = before & set(three.read())
    expect("records that were committed and are read again", len(again), 0)
    if client.commits:
        expect("the partitions with offsets that it found", {e["partition"] for e in three.said("found")},
               {partition for partition, _ in before})
    four = group.join(client)
    group.wait_shared(three, four)
    four.stop()
    group.wait_shared(three)
    five = group.join(client)
    group.wait_shared(three, five)
    five.kill()
    group.wait_shared(three)
    group.write(40)
    group.wait_read()
    three.stop()


def static(group, client):
    """A static member that is killed and comes back has its partitions again, and nobody else notices (KIP-345)."""
    group.write(40)
    session = {"session-ms": STATIC_SESSION_MS}
    one = group.join(client, instance="one", **session)
    two = group.join(client, instance="two", **session)
    group.wait_shared(one, two)
    group.wait_read()
    had, rebalances = two.owned(), len(one.said("assigned", "revoked", "lost"))
    two.kill()
    again = group.join(client, instance="two", **session)
    group.wait(f"{again.name} has {had} again", lambda: again.owned() == had)
    group.write(40)
    group.wait_read()
    expect("rebalances that the other saw", len(one.said("assigned", "revoked", "lost")), rebalances)
    group.stop(one, again)


def fenced(group, client):
    """Who comes with the instance id of a member takes its place, and that one is told to end (KIP-345)."""
    group.write(40)
    one = group.join(client, instance="one")
    group.wait_shared(one)
    group.wait_read()
    two = group.join(client, instance="one")
    one.expect_fenced()
    group.wait_shared(two)
    group.write(20)
    group.wait_read()
    two.stop()


def cooperative(group, client):
    """With the cooperative assignor a member keeps what it can keep (KIP-429)."""
    group.write(40)
    one = group.join(client, assignor="cooperative-sticky")
    group.wait_shared(one)
    group.wait_read()
    two = group.join(client, assignor="cooperative-sticky")
    group.wait_shared(one, two)
    expect("partitions that the first gave up", _revoked(one), two.owned())
    two.stop()
    group.wait_shared(one)
    expect("partitions that it gave up in all", len(_revoked(one)), group.partitions // 2)
    group.write(20)
    group.wait_read()
    one.stop()


def mixed(group, clients, assignor):
    """Members of many kinds in one group, while somebody writes: they join, leave, are killed and come back."""
    first, rest = clients[:2], clients[2:]
    with Writer(group):
        members = [group.join(client, assignor=assignor) for client in first]
        _wait_shared(group, members)
        members += [group.join(client, assignor=assignor) for client in rest]
        _wait_shared(group, members)
        leaves, dies = members.pop(0), members.pop(0)
        leaves.end()
        dies.kill()
        leaves.ended()
        _wait_shared(group, members)
        members += [group.join(member.client, assignor=assignor) for member in (leaves, dies)]
        _wait_shared(group, members)
    group.wait_read()
    group.stop(*members)


def _wait_shared(group, members):
    """Waits until the members share the partitions as evenly as can be; some do not say what they have."""
    fewest, more = divmod(group.partitions, len(members))
    seeing = [member for member in members if not member.client.blind]
    blind = len(members) - len(seeing)

    def shared():
        owned = [member.owned() for member in seeing]
        count = sum(map(len, owned))
        left = group.partitions - count
        return (count == len(set().union(*owned)) and all(fewest <= len(some) <= fewest + (more > 0) for some in owned)
                and blind * fewest <= left <= blind * (fewest + (more > 0)))
    group.wait(f"{[m.name for m in members]} share {group.partitions} partitions", shared)


def _revoked(member):
    revoked = [partition for event in member.said("revoked", "lost") for partition in event["partitions"]]
    if len(revoked) != len(set(revoked)):
        raise Differs(f"{member.name} gave up a partition twice: {revoked}")
    return set(revoked)
