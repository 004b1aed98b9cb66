"""Splits a line into sentences, and a sentence into words and formulas."""

import re


def sentences(line: str) -> list[str]:
    """Returns the sentences of a line, without the marks that end them; at least one."""
    cuts = [(match.start(), match.end()) for match in SENTENCE.finditer(masked(line))]
    starts = [0, *(end for _, end in cuts)]
    ends = [*(start for start, _ in cuts), len(line)]
    found = [line[start:end].strip() for start, end in zip(starts, ends, strict=True)]
    return [sentence for sentence in found if sentence] or [""]


def masked(text: str) -> str:
    """Returns the text with each character of a formula or a command replaced by a placeholder character, so that only
    words remain."""
    if "$" in text or "\\" in text:
        text = SPAN.sub(lambda span: FORMULA * len(span[0]), text)
        text = LATEX.sub(lambda command: COMMAND * len(command[0]), text)
    text = FUNCTION.sub(lambda name: NAME * len(name[0]), text)
    return JOINS.sub(lambda word: JOIN * len(word[0]), text)


def runs(sentence: str) -> list[tuple[int, int]]:
    """Returns pairs (start, end): the offsets of the numbers and formulas in a sentence. Each includes the calculation
    that it is part of."""
    spans = (_balanced(sentence, *match.span()) for match in RUN.finditer(masked(sentence)))
    return [span for span in spans if not TRIVIAL.fullmatch(sentence, *span) and not ADJECTIVE.match(sentence, span[1])]


def _balanced(sentence: str, start: int, end: int) -> tuple[int, int]:
    """Returns a span without a bracket at its start or end whose matching bracket is outside."""
    for opening, closing in ("()", "[]"):
        text = sentence[start:end]
        if text.startswith(opening) and text.count(opening) > text.count(closing) and closing in sentence[end:]:
            start += 1
        if text.endswith(closing) and text.count(opening) < text.count(closing) and opening in sentence[:start]:
            end -= 1
    return start, end


FORMULA, COMMAND, JOIN, NAME = "\x00", "\x01", "\x02", "\x03"
SPAN = re.compile(r"(?<!\\)\$(?![\s$])((?:\\.|[^$\\])+)(?<![\s+*/=(-])\$(?!\d)|\\\((.+?)\\\)|\\\[(.+?)\\\]")
LATEX = re.compile(
    r"\\(?:text|mbox|mathrm|mathbf|textbf|textit|operatorname|textcolor|f?colorbox|color|begin|end)\*?\s*\{[^{}]*\}|\\[A-Za-z]+|\\."
)
FUNCTION = re.compile(
    r"\b(?:arc)?(?:sin|cos|tan|cot|sec|csc)h?\b|\b(?:a(?:sin|cos|tan)|sqrt|cbrt|root|ln|log|lg|exp|abs|floor|ceil|max|min"
    r"|gcd|lcm|mod|pi|inf|infinity|infty|choose)\b|(?:(?<=[\d^/*+=])|(?<=[\d^/*+=] ))(?:sqrt|[a-zA-Z]{2,3}(?=[\^(]))"
    r"|(?<=\d)(?!st|nd|rd|th)[a-zA-Z]{2,3}(?![A-Za-z])"
)
"""Matches names of functions and products of unknowns ("2xy"), which are not words."""
JOINS = re.compile(r"(?<![^\W\d_])(?:and|or|und|oder|et|ou)(?![^\W\d_])|和|与|或|、|및")
PROSE = re.compile(
    r"[^\W\d_\u0370-\u03ff\u0530-\u1dff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{2,}"
    r"|[\u0530-\u1dff\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]"
)
SENTENCE = re.compile(
    r"(?<=[^\s.])(?<!approx)(?<!\bca)(?<!\b[DM]r)(?<!\bMrs)(?<!\bM[st])(?<!\bSt)(?:\.(?=[\s*_]|$)|[!?]++(?=[\s*_]*(?:$|[A-Z])))[*_]*|[。！？।]"
)
HTML = re.compile(r"</?(?:b|i|u|p|em|strong|br|hr|div|span|center|sub|h\d|li|ul)\s*/?>")
BOLD = re.compile(r"\*\*(?=\S)(.+?)(?<=\S)\*\*")
RUN = re.compile(
    rf"""(?:\b[A-Za-z](?=\()|(?:\b[A-Za-z]\s?[=+*/^<>≤≥≠]\s?){{1,6}}|(?<![A-Za-z_]))
    (?:[-+−–±(\[{{√$€£¥₹.\\|{NAME}]|(?<={NAME})\ ){{0,24}} [\d{FORMULA}{COMMAND}π∞½¼¾]
    (?:[\d{FORMULA}{COMMAND}{JOIN}{NAME}\s.,+\-−–±*/×÷·^=<>≤≥≠(){{}}\[\]%‰°√π∞½¼¾²³$€£¥₹!|_]
      |(?:\b|(?<=\d))[b-hj-zB-HJ-Z]\b)*
    (?<![\s.,+\-−–*/×÷·^=<>≤≥≠(\[{{$€£¥₹!|_{JOIN}])""",
    re.VERBOSE,
)
"""Matches numbers and formulas with the operators between them."""
ADJECTIVE = re.compile(r"-[^\W\d_]{3,}")
"""Matches the end of a compound word that a number begins, as in "a 400-meter race"."""
TRIVIAL = re.compile(r"\\?\$?\(?\\?[A-Za-z]\)?\$?|\W*")
VALUE = re.compile(rf"[\d{FORMULA}{COMMAND}½¼¾π∞∅]")
