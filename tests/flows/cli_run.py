"""A program for the tests: the command line, again and again in one process, for which LiteLLM's import is waited for
once. From lines of JSON, the arguments and the environment, to lines of JSON: exit code, standard output and error."""

import contextlib
import io
import json
import os
import sys

from redraft.flows.cli.main import run

if __name__ == "__main__":
    for line in sys.stdin:
        arguments, env = json.loads(line)
        for name, value in env.items():
            os.environ.pop(name, None)
            os.environ.update({name: value} if value else {})
        with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as err:
            code = run(arguments)
        sys.stdout.write(json.dumps([code, out.getvalue(), err.getvalue()]) + "\n")
        sys.stdout.flush()
