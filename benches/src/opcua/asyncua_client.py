"""Subscribes to nodes of an OPC UA server and counts their changes; prints how many came in how many seconds, and the
seconds of processor time that this took. Arguments: URL, node's prefix, number of nodes, sampling in ms, seconds."""

import asyncio
import sys
import time

from asyncua import Client


class Counter:
    def __init__(self):
        self.changes = 0

    def datachange_notification(self, node, value, data):
        self.changes += 1


async def main():
    url, prefix, nodes, sampling, seconds = sys.argv[1], sys.argv[2], *map(int, sys.argv[3:])
    counter = Counter()
    async with Client(url) as client:
        index = await client.get_namespace_index(prefix.split(";")[0].removeprefix("nsu="))
        name = prefix.split(";s=")[1]
        wanted = [client.get_node(f"ns={index};s={name}{number}") for number in range(nodes)]
        subscription = await client.create_subscription(100, counter)
        for start in range(0, nodes, 500):
            await subscription.subscribe_data_change(wanted[start : start + 500], queuesize=20, sampling_interval=sampling)
        await asyncio.sleep(5)
        before, began, cpu = counter.changes, time.monotonic(), time.process_time()
        await asyncio.sleep(seconds)
        print(counter.changes - before, time.monotonic() - began, time.process_time() - cpu, flush=True)


asyncio.run(main())
