"""Prompts about programs: solutions as programs, unit tests, and reports of failures."""

SOLVE_CODE = """\
Write a program in Python.

{question}

Use plain Python without packages, files or network. Give the whole program in one block between ``` fences, and make it
the last block of your answer."""

SOLVE_PROGRAM = """\
Solve this problem with a program in Python.

{question}

Use plain Python without packages, files, input or network. Leave the answer in a variable named ans. Give the whole
program in one block between ``` fences, and nothing else."""

PROGRAM_FAILS = """\
Your program was run, and it fails:
{report}
Correct it: write the whole program anew, in one block between ``` fences."""

WRITE_TESTS = """\
Write unit tests for a program in Python that is to be written.

{question}

Give three to six statements of the form `assert name(arguments) == value`, one a line, in one block between ``` fences,
and nothing else."""

REFLECT = """\
Your program was run, and it fails:
{report}
In a few sentences, say what is wrong with the program, and how to mend it. Write no program yet."""

TRY_AGAIN = """\
Your program was run, and it fails:
{report}

{reflection}

With this in mind, write the whole program anew, in one block between ``` fences."""
