"""Units of measurement: which words after a number are a unit, and the size of the unit."""

import re
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise


@lru_cache(4096)
def measure(unit: str) -> tuple[str, Fraction] | None:
    """Returns a pair: what a unit measures, and its size in the base unit ("cm" gives ("length", 1/100)). Returns None
    if the words are not a unit. A noun ("apples", "red marbles") counts as a unit of size 1 that measures "". Words
    that change a value ("squared", "dozen", "or more") are not units."""
    text = " ".join(unit.split()).rstrip(".")
    squared = POWER_WORDS.match(text)
    if squared:
        text = f"{text[squared.end() :]}^{2 if squared[1].casefold() in ('square', 'sq', 'sq.') else 3}"
    if "/" in text or " per " in text:
        parts = [measure(part) for part in re.split(r"/| per ", text)]
        known = [part for part in parts if part]
        if len(known) != len(parts):
            return None
        size = known[0][1]
        for _, other in known[1:]:
            size /= other
        return "/".join(kind for kind, _ in known), size
    power = POWER.fullmatch(text)
    if power:
        base = measure(power[1])
        exponent = int(power[2])
        return (f"{base[0]}^{exponent}", base[1] ** exponent) if base else None
    found = SIZES.get(text) or SIZES.get(text.casefold()) or SIZES.get(text.casefold().rstrip("."))
    return found or (("", Fraction(1)) if _is_noun(text) else None)


def _is_noun(text: str) -> bool:
    words = [word.casefold() for word in WORD.findall(text)]
    if not words or len(words) > MOST_WORDS or not PLAIN.fullmatch(text):
        return False
    return not any(word in CHANGES or not _is_word(word) for word in words)


def _is_word(word: str) -> bool:
    """Returns whether letters look like a word of a language, and not like a product of unknowns."""
    if len(word) <= LONGEST_PRODUCT:
        return word in SHORT_NOUNS
    return bool(VOWEL.search(word)) and not all(ord(b) - ord(a) == 1 for a, b in pairwise(word))


def _table() -> dict[str, tuple[str, Fraction]]:
    sizes: dict[str, tuple[str, Fraction]] = {}
    for line in TABLE.strip().splitlines():
        kind, size, *names = line.split()
        for name in names:
            sizes[name.replace("_", " ")] = (kind, Fraction(size))
    return sizes


TABLE = """
length 1 m meter meters metre metres
length 1/1000 mm millimeter millimeters millimetre millimetres
length 1/100 cm centimeter centimeters centimetre centimetres
length 1/10 dm decimeter decimeters
length 1000 km kilometer kilometers kilometre kilometres kms
length 1/1000000000 nm nanometer nanometers
length 254/10000 in inch inches
length 3048/10000 ft foot feet
length 9144/10000 yd yds yard yards
length 1609344/1000 mi mile miles
area 10000 hectare hectares
area 40468564224/10000000 acre acres
mass 1 g gm gms gram grams
mass 1/1000 mg milligram milligrams
mass 1000 kg kgs kilogram kilograms kilo kilos
mass 1000000 ton tons tonne tonnes
mass 45359237/100000 lb lbs pound pounds
mass 28349523125/1000000000 oz ounce ounces
time 1 s sec secs second seconds
time 1/1000 ms millisecond milliseconds
time 60 min mins minute minutes
time 3600 h hr hrs hour hours
time 86400 d day days
time 604800 week weeks wk wks
calendar 1 month months mo
calendar 12 year years yr yrs
calendar 120 decade decades
calendar 1200 century centuries
volume 1 L l liter liters litre litres
volume 1/1000 mL ml milliliter milliliters millilitre millilitres cc
volume 3785411784/1000000000 gal gallon gallons
volume 946352946/1000000000 quart quarts qt
volume 473176473/1000000000 pint pints pt
angle 1 degree degrees deg
turn 1 radian radians rad
dollar 1 $ dollar dollars usd US$ bucks USD
dollar 1/100 ¢ cent cents
dollar 1/20 nickel nickels
dollar 1/10 dime dimes
dollar 1/4 quarter quarters
euro 1 € euro euros eur EUR
sterling 1 £ gbp GBP
rupee 1 ₹ rs Rs INR rupee rupees
yen 1 ¥ yen JPY
yuan 1 yuan CNY rmb RMB
won 1 ₩ won KRW
length/time 1609344/3600000 mph
length/time 1000/3600 kph kmph kmh
length/time 1 mps
temperature 1 C °C celsius degrees_celsius degrees_C
fahrenheit 1 F °F fahrenheit degrees_fahrenheit degrees_F
energy 1 J joule joules
energy 1000 kJ
power 1 W watt watts
power 1000 kW kilowatt kilowatts
force 1 N newton newtons
pressure 1 Pa
pressure 1000 kPa
voltage 1 V volt volts
current 1 A amp amps
frequency 1 Hz
frequency 1000 kHz
amount 1 mol mole moles
data 1 B byte bytes
data 1000 kB KB
data 1000000 MB
data 1000000000 GB
am 1 am
pm 1 pm
plain 1 unit units
plain^2 1 sq_units
"""
"""Each line: what is measured, the size in the base unit, and the unit's names. A name of one letter is a unit only if
it can't be an unknown."""
SIZES = _table()
CHANGES = frozenset(
    re.findall(
        r"\w+",
        """squared square cubed cubic factorial factorials half halves third thirds fourth fourths fifth fifths sixth
        sixths millionth millionths twelfth twelfths gross lakh crore seventh sevenths eighth eighths ninth ninths
        tenth tenths hundredth hundredths thousandth thousandths dozen dozens score scores pair pairs couple couples
        choose chooses choosing permute hundred hundreds thousand thousands million millions billion billions
        trillion trillions percent percentage times plus minus modulo mod divided over power root roots more less
        fewer greater least most above below under beyond than or and nor not but with without except plus
        approximately about around roughly nearly almost either both neither one two three four five six seven eight
        nine ten eleven twelve twenty thirty forty fifty sixty seventy eighty ninety zero negative positive to if
        when where for is are was were equals equal true false infinite infinity infinitely solution solutions
        remainder point decimal double triple quadruple twice thrice base log sine cosine tangent sqrt pi theta
        alpha beta""",
    )
)
"""Words that change a value, or begin another statement."""
SHORT_NOUNS = frozenset(
    re.findall(
        r"\w+",
        """ads age ant ape art bag bar bat bed bee bet bit bow box boy bug bun bus cab can cap car cat cow cub cup cut
        day dog dot egg eel fan fox gas gem gun guy hat hen hit hog hut ice jar job jug key kid lap leg log lot map
        mat men mug net nut oak owl pad pan paw pea peg pen pet pie pig pin pit pot pup rat ray rib rod row rug set
        sip sky tap tax tea tie tin tip top toy tub van vet way web wig win zoo of a an the in per on old new red
        big all each""",
    )
)
"""Nouns and small words of at most three letters. Other sequences of up to three letters are products of unknowns."""
LONGEST_PRODUCT = 3  # letters
MOST_WORDS = 5
WORD = re.compile(r"[^\W\d_]+")
PLAIN = re.compile(r"[^\W\d_]+(?:[ '’-]+[^\W\d_]+)*'?")
VOWEL = re.compile(r"[aeiouyáéíóúäöüàèâêîôû]", re.IGNORECASE)
POWER = re.compile(r"(.+?)\s*\^\s*(\d)")
POWER_WORDS = re.compile(r"(square|sq\.?|cubic|cu\.?)\s+(?=\w)", re.IGNORECASE)
