"""The vocabulary of mathematical texts: the meaning of each LaTeX command, sign and word."""


def _table(text: str) -> dict[str, str]:
    """Returns a mapping from each spelling to its meaning. Each line of `text` has a meaning, then its spellings."""
    rows = (line.split() for line in text.strip().splitlines())
    return {name: meaning for meaning, *names in rows for name in names}


def _themselves(text: str) -> dict[str, str]:
    return {name: name for name in text.split()}


LETTERS = """alpha beta gamma delta epsilon zeta eta theta iota kappa lambda mu nu xi rho sigma tau upsilon phi chi psi
omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega ell aleph nabla partial hbar"""
SYMBOLS = _themselves(LETTERS) | _table("""
epsilon varepsilon
theta vartheta
phi varphi
π pi
∞ infty infinity inf oo
∅ emptyset varnothing
i imath
ℝ R
""")
"""The unknowns and constants that commands denote."""
NUMBER_SETS = {rf"\mathbb{{{letter}}}": sign for letter, sign in zip("RZNQC", "ℝℤℕℚℂ", strict=True)}
FUNCTIONS = _themselves(
    """sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan arccot arcsec arccsc ln log lg exp abs floor
    ceil max min gcd lcm sgn re im"""
) | _table("""
arcsin asin
arccos acos
arctan atan arctg
tan tg
cot ctg
csc cosec
sin sen
ceil ceiling
sgn sign
re Re
im Im
""")
COMMANDS = _themselves("frac sqrt cbrt binom pmod") | _table("""
frac dfrac tfrac cfrac
binom dbinom tbinom
pmod mod
""")
"""Commands that take arguments."""
COMMAND_SIGNS = _table("""
* cdot times ast bullet
/ div
± pm
∓ mp
≤ le leq leqslant
≥ ge geq geqslant
≠ ne neq
< lt
> gt
∈ in
∉ notin
≈ approx approxeq simeq cong
∼ sim
≡ equiv
→ to
⇒ Rightarrow implies iff
∪ cup bigcup
∩ cap
∖ setminus backslash
⟨ langle
⟩ rangle
⌊ lfloor
⌋ rfloor
⌈ lceil
⌉ rceil
{{ lbrace
}} rbrace
[ lbrack
] rbrack
| lvert rvert vert mid
‖ lVert rVert Vert
… ldots dots cdots dotsc dotsb vdots
: colon
° degree degrees circ
' prime
mod bmod
or lor vee
and land wedge
choose choose
over over
∠ angle triangle
""")
"""The signs that commands denote, by command."""
SPELLED = _table(r"""
^ **
≤ <=
≥ >=
≠ != /=
= ==
{{ \{
}} \}
‖ \| ||
… ...
% \%
$ \$
_ \_
& \&
""")
"""The signs that are spelled with several characters, by spelling."""
SPACES = frozenset(_themselves("quad qquad thinspace enspace space medspace thickspace nobreakspace"))
CODES = _table("""
$ usd
€ eur
£ gbp
₹ inr rs
¥ jpy
yuan cny rmb
""")
"""The currencies that are written as letters before a number, by their letters."""
_PICTURES = _table(r"""
- − – — ‐ ‑ ‒ ﹣
* × ⋅ · ∙ ∗ •
/ ÷ ∕ ⁄
\le ≤ ⩽ ≦
\ge ≥ ⩾ ≧
\ne ≠
\pm ±
\mp ∓
\infty ∞
\sqrt √
\cbrt ∛
\cup ∪
\cap ∩
\in ∈
\emptyset ∅
\degree ° ∘
\approx ≈ ≅
\equiv ≡
\sim ∼
\langle ⟨ 〈
\rangle ⟩ 〉
\lfloor ⌊
\rfloor ⌋
\lceil ⌈
\rceil ⌉
\dots … ⋯
\angle ∠
\triangle △
\mathbb{R} ℝ
\mathbb{Z} ℤ
\mathbb{N} ℕ
\setminus ∖
\to →
| ∣
' ′ ’
, ， 、
; ；
: ：
""")
_NAMES = LETTERS.split()
GREEK = dict(zip("αβγδεζηθικλμνξπρστυφχψωΓΔΘΛΞΠΣΦΨΩ", [*_NAMES[:14], "pi", *_NAMES[14:32]], strict=True))
PICTURES = {
    ord(sign): f" {name} " if name.startswith("\\") else name
    for sign, name in (_PICTURES | {letter: f"\\{name}" for letter, name in GREEK.items()}).items()
} | dict.fromkeys(map(ord, "\u2061\u200b\ufeff"), "")
"""The LaTeX spelling of non-ASCII characters, by code point."""
