"""What a test tells a server over its standard input: a JSON object a line, answered by one."""

import asyncio
import json
import sys


async def answer_commands(port, do):
    """Says the port, and answers each command by what `do` gives, until the input ends."""
    print(json.dumps({"port": port}), flush=True)
    loop = asyncio.get_running_loop()
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        try:
            answer = await do(json.loads(line))
        except Exception as error:  # told to the test, which decides
            answer = {"error": repr(error)}
        print(json.dumps(answer), flush=True)
