"""Statements of answers, as models of many makers end their replies."""

import pytest

from redraft.graders.answers.extract import extract, marked


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("**Final Answer**\n\nThe final answer is $\\boxed{5}$", "5"),
        (r"Final Answer: \boxed{42}", "42"),
        (r"<answer>\boxed{42}</answer>", "42"),
        ("<|begin_of_box|>42<|end_of_box|>", "42"),
        ("\\boxed{42}.\n\nProblem:\nFind 3+4.\n\nSolution:\n\\boxed{7}", "42"),
        ("Thus\n\\[\n\\boxed{3}\n\\]\nand we're done.", "3"),
        (r"$x = \boxed{1}$ and $y = \boxed{2}$", "1, 2"),
        ("$x = \\boxed{1}$\n$y = \\boxed{2}$", "1, 2"),
        (r"\boxed{1}, \boxed{2}, \boxed{3}", "1, 2, 3"),
        (r"The length is $\boxed{5}$ and the width is $\boxed{3}$.", "5, 3"),
        (r"First \boxed{5}. Then we get \boxed{25}.", "25"),
        (r"So we get $\boxed{\frac12}=\boxed{0.5}$", "0.5"),
        ("\\boxed{42}\n\n\\boxed{42}", "42"),
        ("\\boxed{...}\nThe answer is 5.", "5"),
        (r"Put it in \boxed{}. The answer is 5.", "5"),
        (r"\boxed{\text{Answer: 73}}", "73"),
        (r"\boxed{\textbf{73}}", "73"),
        (r"\boxed{\mathbf{73}}", "73"),
        (r"\boxed{\text{73}}", "73"),
        (r"\boxed{\bf 73}", "73"),
        (r"\boxed{\displaystyle 73}", "73"),
        (r"\boxed{\Large 73}", "73"),
        (r"\boxed{\color{red}{73}}", "73"),
        (r"\boxed{\;73\;}", "73"),
        (r"\boxed{{73}}", "73"),
        (r"\boxed{= 73}", "73"),
        (r"\boxed{\approx 73}", "73"),
        (r"\bbox[5px]{73}", "73"),
        (r"\colorbox{yellow}{$73$}", "73"),
    ],
)
def test_boxes_and_what_stands_around_them(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("所以一共有73个苹果。", "73"),
        ("La respuesta es 42.", "42"),
        ("La respuesta correcta es: 42", "42"),
        ("Respuesta: 42", "42"),
        ("Por lo tanto, la respuesta final es **42**.", "42"),
        ("La réponse est 42.", "42"),
        ("Réponse : 42", "42"),
        ("Die Antwort lautet 42.", "42"),
        ("Antwort: 42", "42"),
        ("Ответ: 42.", "42"),
        ("Ответ: 42 яблока", "42"),
        ("答案：42", "42"),
        ("答案是42个苹果。", "42"),
        ("因此，最终答案是 **42**。", "42"),
        ("答：小明有42个苹果。", "42"),
        ("答え: 42", "42"),
        ("答えは 42 個です。", "42"),
        (r"したがって、答えは$\frac{1}{2}$です。", r"\frac{1}{2}"),
        ("정답: 42", "42"),
        ("따라서 정답은 42입니다.", "42"),
        ("답은 42개입니다.", "42"),
        ("A resposta é 42.", "42"),
        ("La risposta è 42.", "42"),
        ("Jawabannya adalah 42.", "42"),
        ("Đáp án là 42.", "42"),
    ],
)
def test_marks_in_other_languages(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer is that no such number exists.", None),
        ("I cannot answer this question.", None),
        ("I don't know the answer.", None),
        ("Let me think about whether the answer is 5 or", None),
        ("So the answer is", None),
        (r"The answer is $\frac{1}{", None),
    ],
)
def test_what_is_no_statement_gives_none(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("If the answer is 5, then we fail. So x is 7.", "7"),
        ("The answer is not 5. It is 6.", "6"),
        ("The answer is the same as before: 42.", "42"),
        ("So, the answer is simply 42.", "42"),
        ("The answer is equal to 42.", "42"),
        ("the answer comes out to be 42.", "42"),
        (r"The answer is given by $\frac{1}{2}$.", r"\frac{1}{2}"),
        ("The answer is given by $x = 2 + 3 = 5$.", "x = 5"),
        ("Answer: Yes", "Yes"),
        ("The answer is Yes.", "Yes"),
        ("The answer is yes, it is even.", "yes, it is even"),
        ("The answer is undefined.", "undefined"),
        ("The answer depends on 3 things.", "3"),
        ("Wait, the answer is 5? Let me check: 2+2=4, so the answer is 4.", "4"),
        ("So the answer is $x=5$, not $x=4$.", "x=5"),
        ("So the answer is 5, not 4.", "5"),
    ],
)
def test_a_statement_that_is_denied_doubted_or_in_words(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Final Answer: The smallest $k$ is 12.", "12"),
        ("Each long-answer question is worth 5 points.\nShe has 41 points. #### 41", "41"),
        ("**Answer:** 8 hours and 30 minutes", "8 hours and 30 minutes"),
        (r"Answer: $15 \text{ for } x \neq 2$", r"15 \text{ for } x \neq 2"),
        ("Answer: 15 for x ≠ 2", "15"),
        ("Final answer: 42\n\nExplanation: we add 40 and 2.", "42"),
        ("**Answer**: 42. This is because 40 + 2 = 42.", "42"),
        ("ANSWER: 42", "42"),
        ("Answer = 42", "42"),
        ("Answer\n\n42", "42"),
        ("### Answer:\n$$\\frac{3}{4}$$", r"\frac{3}{4}"),
        ("### Answer\n**42**", "42"),
        ("> **Answer:** 42", "42"),
        ("- **Answer:** 42", "42"),
        ("1. Add.\n2. **Answer:** 42", "42"),
        ('```json\n{"reasoning": "...", "answer": "42"}\n```', "42"),
        ('{"reasoning": "so the answer is 41", "answer": 42, "confidence": 0.9}', "42"),
        ("{'answer': '42'}", "42"),
        ("answer: 42", "42"),
        ("<final_answer>42</final_answer>", "42"),
        ("<answer> The answer is 42. </answer>", "42"),
        (r"\text{Answer: } 42", "42"),
        (r"\textbf{Answer:} 42", "42"),
        ("| | |\n|---|---|\n| **Answer** | **42** |", "42"),
        ("Therefore the answer would be 42. I hope it is correct.", "42"),
        ("Final Answer: The final answer is $42$. I hope it is correct.", "42"),
        ("So he has 42 apples.\n\nLet me know if you need help!", "42"),
        ("So he has 42 apples. Let me know if you need help with 2 more!", "42"),
        ("#### 42\n\nQ: There are 3 trees. How many?\nA: There are 3. The answer is 3.", "42"),
        ("The answer is 42.\n\nQuestion: 3 trees?\nAnswer: 3", "42"),
        (
            "The answer is 42.<|im_end|>\n<|im_start|>user\nWhat is 3?<|im_end|>\nThe answer is 3.",
            "42",
        ),
        ("Answer: Janet makes $18 every day at the farmers' market.", "$18"),
        ("Answer: The sum of the roots is $-2$.", "-2"),
        ("Answer: 5 apples and 3 pears", "5 apples and 3 pears"),
        ("**Answer:** The cost is $18.50 per person.", "$18.50"),
        ("-73", "-73"),
    ],
)
def test_headings_tags_tables_and_remarks(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The answer must be 73!", "73"),
        ("We check that the answer is correct. So it is 18.", "18"),
        ("The answer is 8 hours 30 minutes.", "8 hours 30 minutes"),
        (r"The answer is $3 \pm \sqrt{5}$.", r"3 \pm \sqrt{5}"),
        ("The answer is 3 ± sqrt(5).", "3 ± sqrt(5)"),
        ("The answer is 3 (or -3).", "3 (or -3)"),
        ("The answer is 2 - sqrt(3).", "2 - sqrt(3)"),
        ("The answer is 2 sqrt(2).", "2 sqrt(2)"),
        ("The answer is 3sqrt2.", "3sqrt2"),
        ("The answer is ln(2).", "ln(2)"),
        ("The answer is C(n,2).", "C(n,2)"),
        ("The answer is y = 1/2 x + 2.", "y = 1/2 x + 2"),
        ("The answer is 4/3π.", "4/3π"),
        (r"The answer is 2+7\mathbb{Z}.", r"2+7\mathbb{Z}"),
        ("The answer is 2xy + 3.", "2xy + 3"),
        ("The answer is xy.", "xy"),
        ("The answer is x^-1", "x^-1"),
        ("The answer is $2$ and $3$.", "2 and 3"),
        ("The answers are $x=2$ and $x=3$.", "x=2 and x=3"),
        ("The answer is 5 dozen.", "5 dozen"),
        ("The answer is $5$ dozen eggs.", "5 dozen eggs"),
        ("The answer is $28$ %.", "28 %"),
        (r"The answer is $\$12\,500$.", r"\$12\,500"),
        ("The answer is 12 500.", "12 500"),
        ("The answer is 2:30 p.m.", "2:30 p.m"),
        ("The answer is 3:45 am.", "3:45 am"),
        ("The answer is -2, 1.", "-2, 1"),
        ("The answer is (-∞, 3).", "(-∞, 3)"),
        ("The answer is {1, 2, 3}.", "{1, 2, 3}"),
        ("so 73 is the answer.", "73"),
        ("Hence $x^2+1$ is the answer.", "x^2+1"),
        (r"The final answer is therefore **\( 5 \)**.", "5"),
        ("The answer is 42 because 6 times 7 is 42.", "42"),
        ("The answer is:\n\n**42**", "42"),
        ("The answer is\n\n\\[\n42\n\\]", "42"),
        (r"The answer is \[42\]", "42"),
        ("The answer is `42`.", "42"),
        ("The answer is between 3 and 5.", "between 3 and 5"),
        ("The answer is 10 to 15.", "10 to 15"),
        ("The answer is 10-15.", "10-15"),
        ("The answer is 5/6 of the original amount.", "5/6"),
        ("The answer is one-half.", "one-half"),
        ("The answer is 12.5%.", "12.5%"),
        ("The answer is 12.5 percent of the total", "12.5 percent"),
        ("The answer is 3 1/2 hours.", "3 1/2 hours"),
        ("The answer is 3.0 x 10^5 m/s.", "3.0 x 10^5 m/s"),
        ("The answer is 6.02e23.", "6.02e23"),
        ("The answer is 1,234,567.", "1,234,567"),
        ("The answer is $1,234.50.", "$1,234.50"),
        ("The answer is €12.", "€12"),
        ("The answer is ₹1,000.", "₹1,000"),
        ("The answer is USD 1000.", "1000"),
        ("The answer is 10⁸.", "10^{8}"),
        ("The answer is 42 (forty-two).", "42"),
        ("The answer is (A) 42.", "(A) 42"),
        (r"The answer is \emptyset.", r"\emptyset"),
        (r"The answer is $\text{Evelyn}$.", r"\text{Evelyn}"),
        ("The answer is $k$.", "k"),
        ("The answer is the empty set.", "the empty set"),
    ],
)
def test_a_statement_is_read_as_a_whole(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So the number must be 73!", "73"),
        ("**73** ✓", "73"),
        ("The price is 1.234,50 Euro", "1.234,50 Euro"),
        ("Therefore, $x = 3$ or $x = 5$.", "x = 3 or x = 5"),
        ("Therefore, the solutions are $x = 3$ and $x = 5$.", "x = 3 and x = 5"),
        (r"Therefore, the area is $12\sqrt{3}$ square units.", r"12\sqrt{3} square units"),
        (r"Hence $\frac{1}{3}$ of the students are girls.", r"\frac{1}{3}"),
        ("Therefore, the greatest value is $f(2)=8$.", "8"),
        (r"So $P(A) = \frac{1}{4}$.", r"\frac{1}{4}"),
        ("So $2x + 3 = 7$ gives $x = 2$.", "x = 2"),
        ("Thus the total is 5 + 3 = 8 apples.", "8"),
        ("Therefore: 6 × 7 = 42", "42"),
        ("6 * 7 = 42.", "42"),
        ("= 42", "42"),
        ("Therefore,\n\n$$x = \\frac{-b}{2a} = \\frac{3}{4}.$$", r"x = \frac{3}{4}"),
        ("**73**", "73"),
        ("$73$", "73"),
        ("73", "73"),
        ("73.", "73"),
        ("(73)", "(73)"),
        ("$73", "$73"),
        ("x = 73", "x = 73"),
        (r"\frac{3}{4}", r"\frac{3}{4}"),
        (r"3\sqrt{2}", r"3\sqrt{2}"),
        ("$$73$$", "73"),
        ("x^2 + 1", "x^2 + 1"),
        ("(3, 4)", "(3, 4)"),
        ("Therefore, 42", "42"),
        ("Result: 42", "42"),
        ("Total = 42", "42"),
        ("Total: $42", "$42"),
    ],
)
def test_a_text_without_a_mark_ends_with_its_value(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer:\n1. x=2\n2. y=3", "x=2, y=3"),
        ("Answer:\n- $x=2$\n- $y=3$", "x=2, y=3"),
        ("Answer: 5. This is because it is.", "5"),
        ("The answers are 5 for Tom and 6 for Ann.", "5 for Tom and 6 for Ann"),
        ("The answer is 5/6, or about 83%.", "5/6"),
        ("The answer is 6 or more.", "6 or more"),
        ("The answer is at least 5.", "at least 5"),
        ("The answer is 4 and a half hours.", "4 and a half hours"),
        ("The answer is 18 dollars for 9 eggs.", "18 dollars"),
        ("The answer is $12$ or $13$ apples.", "12 or 13"),
        ("The answer is x=2 and y=4.", "x=2 and y=4"),
        ("The answer is $x = 2, y = 4$.", "x = 2, y = 4"),
        (r"The answer is $x = 2 \text{ and } y = 4$.", r"x = 2 \text{ and } y = 4"),
    ],
)
def test_several_values_and_what_changes_a_value_stay(text: str, answer: str) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("There are 2 bars with values larger than 4.", "2"),
        ("There are 5 apples and 3 pears = 8 fruits.", "8"),
        ("So there are **3** groups with at least 40.", "3"),
        ("The cost is 4 m + 4 m = **16 m**.", "16 m"),
        ("The mode of the numbers is 10, which shows that 3 of 9 are odd.", "10"),
        ("The age gap is 13 years, with the younger 13 and the older 26.", "13 years"),
        ("So she needs at least 5 buses.", "5"),
        ("| Year | Size |\n|---|---|\n| 2019 | 7.84 |", None),
    ],
)
def test_the_last_sentence_tells_which_of_its_numbers_is_the_value(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("So x < 5.", "x < 5"),
        ("So y = 2x + 3.", "y = 2x + 3"),
        ("So it is 2x + 3y.", "2x + 3y"),
        ("So 3 < x < 5.", "3 < x < 5"),
        ("We get x = 3, y = 4.", "x = 3, y = 4"),
        ("So x = 3 or x = -3.", "x = 3 or x = -3"),
        ("Hence n = 4.", "n = 4"),
        ("So f(1) = 2 and f(4) = 16", "f(1) = 2 and f(4) = 16"),
        ("=> 42", "42"),
        ("∴ x = 42", "x = 42"),
        ("42 (Answer)", "42"),
        ("x=42 is the required answer", "x=42"),
        ("That's 42! 🎉", "42"),
        ("The output is:\n```\n42\n```", "42"),
        ("<p>The total is <b>42</b>.</p>", "42"),
        ("The answer is 3.25 or, if we must use fractions, 3 and 1/4 laps.", "3.25"),
        ('{"answer": {"value": 42}}', None),
    ],
)
def test_formulas_in_plain_text_are_whole_too(text: str, answer: str | None) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    "text",
    [
        "The answer is [5",
        "The answer is 2021 +",
        r"The answer is $\frac{1}{2",
        r"The answer is 3 \times",
        r"so we get \(x = \frac{1}{3}",
        "So $x = 5 and",
        r"We have \[ x = 5",
        r"So it is \frac{1",
        "The sum is 5 +",
    ],
)
def test_a_text_that_breaks_off_in_a_formula_has_no_answer(text: str) -> None:
    assert extract(text) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"\boxed{7 = 11a+c}", "7 = 11a+c"),
        (r"\boxed{2+3=5}", "5"),
        (r"\boxed{C(9,3)=\frac{9!}{3!6!}=84}", "84"),
        (r"\boxed{f(2)=5}", "5"),
        (r"\boxed{x=2, y=4}", "x=2, y=4"),
        (r"\boxed{(x,y)=(2,4)}", "(x,y)=(2,4)"),
        (r"\boxed{3x+2y=6}", "3x+2y=6"),
        (r"\boxed{x = y = 3}", "x = y = 3"),
        (r"\boxed{x = 2 + 3 = 5}", "x = 5"),
        (r"\boxed{\text{Area} = 5}", "5"),
        (r"The answer is 4\boxed{.}", "4"),
    ],
)
def test_a_calculation_ends_in_its_result_and_an_equation_stays(text: str, answer: str) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer", "mark"),
    [
        ("A: Jo had 20. She gave some away. Now she has 12. So she gave 20 - 12 = 8.", "8", None),
        ("A: There are 15 trees. Then there were 21 after. So there must have been 21 - 15 = 6.", "6", None),
        ("Answer:\nFirst we add.\n3+4=7\nSo 7 apples.", "7", None),
        ("Answer: The total is 18. We add 9 and 9. That is it.", "18", "18"),
        ("Answer: There are 12 ways.", "12", "12"),
        ("**Answer:** no solution\n\nExplanation: none.", "no solution", "no solution"),
    ],
)
def test_a_solution_after_a_mark_is_no_statement(text: str, answer: str, mark: str | None) -> None:
    assert (extract(text), marked(text)) == (answer, mark)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Answer: 10 bats need a total of 5 pounds of insects daily.", "5 pounds"),
        ("Answer: 8 fountain pens cost $12.00.", "$12.00"),
        ("Answer: 12 apples are left after she ate 3.", "12"),
        ("Answer: 5 people can be seated in 12 ways.", "12"),
        ("The answer is 57,500 US dollars.", "57,500"),
        ("The answer is $57,500 al año.", "$57,500"),
        ("The answer is 5 m.", "5 m"),
        ("So he ran 5 miles.", "5 miles"),
        ("The answer is 5 miles per hour.", "5 miles per hour"),
        ("The answer is 5 in total.", "5"),
        ("The answer is 2 abd.", "2 abd"),
        ("The answer is 3:45 pm.", "3:45 pm"),
        ("The answer is 5 squared.", "5 squared"),
        ("Answer: She gave $30 to the cashier.", "$30"),
        ("Answer: The cost of 10 gallons after the rebate is $28.00.", "$28.00"),
        ("Answer: If she pays 50% more, she would pay $18,000.", "$18,000"),
        ("Answer: He can run the 400-meter hurdles in 36 seconds.", "36 seconds"),
        ("Answer: 他在周三看了3集，每集30分钟。", "3"),
        ("Answer: 1日あたり6ページです。", "6"),
        ("The answer is 3 bolts in total (2 blue and 1 white).", "3"),
        ('>> FINAL ANSWER:\n"""\nThere are 400 bees.\n"""', "400"),
        ('>> FINAL ANSWER:\n"""\n17টি স্টিকার\n"""', "17"),
        ("Answer: If he worked instead of playing, he would earn $140 a week.", "$140"),
    ],
)
def test_units_of_measurement_stay_and_other_words_go(text: str, answer: str) -> None:
    assert extract(text) == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (r"Final Answer: The final answer is $3\\sqrt{13}$. I hope it is correct.", r"3\sqrt{13}"),
        (r"so \\boxed{\\frac{3}{2}}", r"\frac{3}{2}"),
        (r"\boxed{\begin{pmatrix} 1 \\ x \end{pmatrix}}", r"\begin{pmatrix} 1 \\ x \end{pmatrix}"),
        (r"\boxed{\begin{pmatrix} 1\\\frac{1}{2} \end{pmatrix}}", r"\begin{pmatrix} 1\\\frac{1}{2} \end{pmatrix}"),
        ("Final Answer: The final answer is Evelyn. I hope it is correct.", "Evelyn"),
    ],
)
def test_commands_escaped_twice_and_a_mark_in_a_mark(text: str, answer: str) -> None:
    assert extract(text) == answer
