"""`python -m redraft.agents.studio` prints a `langgraph.json` with every strategy."""

import json
import sys

from redraft.agents.studio.graphs import langgraph_json

if __name__ == "__main__":
    sys.stdout.write(json.dumps(langgraph_json(), indent=2) + "\n")
