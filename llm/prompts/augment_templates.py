"""Prompts that make new questions from old ones."""

REPHRASE = """\
Rephrase this question: say the same in other words. Keep every number and what is asked for, and do not answer it.
Write the rephrased question and nothing else.

{question}"""

FOBAR = """\
{question}
If we know the answer to the above question is {answer}, what is the value of unknown variable {variable}?"""

FOBAR_LATEX = """\
{question}
### If we know the answer to the above question is {answer}, what is the value of unknown variable {variable}?"""

SELF_VERIFICATION = """\
Join a question and its answer into one statement, in a full sentence without a question mark. Keep every number, and
the letters x and X where they stand.

Question: How many apples does Ann have left?
Answer: 5
Statement: Ann has 5 apples left.

Question: what is the total cost of x tickets in dollars?
Answer: 36
Statement: The total cost of x tickets is 36 dollars.

Question: how much older than Ben is Eva?
Answer: 12
Statement: Eva is 12 years older than Ben.

Question: Find the sum of the two numbers.
Answer: 40
Statement: The sum of the two numbers is 40.

Question: {question}
Answer: {answer}
Statement:"""

NEW = "Write a new question: {}. Write the new question and nothing else.\n\n{{question}}"
SENSE = " The new question must have an answer that makes sense"

CHANGE_NUMBERS = NEW.format(f"change the numbers of this one, and leave everything else as it is.{SENSE}")
FRACTIONS = NEW.format(f"bring fractions, decimals or percentages into this one.{SENSE}")
COMBINE_CONCEPTS = NEW.format("combine this one with a further concept of mathematics, so that both are needed")
ADD_CONDITION = NEW.format("add a condition to this one, such as one that begins with if, which its answer depends on")
RAISE_COMPLEXITY = NEW.format("make this one more complex, so that more steps lead to its answer")
SOLVABLE = """\
Rewrite this question so that it can be solved and has exactly one answer: add what is missing, and mend what
contradicts itself. Write the new question and nothing else.

{question}"""

IS_SOLVABLE = """\
Does this question have everything that is needed to solve it, and exactly one answer? Do not solve it. Reply with one
word: yes or no.

{question}"""

HARDER = NEW.format("make this one a little harder, by one step or two more. It must have exactly one answer")
EASIER = NEW.format("make this one a little easier, by one step fewer. It must have exactly one answer")
