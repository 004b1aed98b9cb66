"""A program for the tests: `augment` on a model behind an OpenAI-compatible server, asked without LiteLLM. Arguments:
database, address, a file of problems, the methods with commas between them."""

import asyncio
import sys

from http_run import HttpModel

from redraft.flows.augment import augment


async def main(db: str, url: str, problems: str, methods: str) -> None:
    model = HttpModel(url)
    model.templates = {}
    try:
        await augment(problems, db=db, model=model, methods=methods.split(","), samples=2, concurrency=8)
    finally:
        await model.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
